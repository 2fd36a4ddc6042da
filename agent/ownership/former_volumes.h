// Files that lost the name by which a definition still has them. A disk that is renamed while its domain runs is
// written on by its VMM, and read by whoever renamed it: it stays its tenant's, and so does what another file replaced.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/inventory/model.h"
#include "agent/ownership/volume_claims.h"

namespace bulkhead::ownership {

struct VolumeFacts;

// Of one name; the rest is forgotten.
inline constexpr std::size_t kFormerFilesLimit = 16;

// Claims on files that were in the map `before` and that none of `claims` has for the same owner, as long as one of the
// owner's domains names their source. Not block devices: their numbers are used again, with another disk behind. An
// inode is not: its key has the generation. `domains` are the owners by uuid. Pure.
std::vector<Claim> former_claims(const std::map<probes::FileKey, VolumeFacts>& before,
                                 const inventory::Snapshot& snapshot,
                                 const std::map<std::string, probes::Owner>& domains, const std::vector<Claim>& claims);

}  // namespace bulkhead::ownership
