// What is kept of block volumes that change hands, as far as the ownership of volumes has to know it (DISK-07).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "agent/probes/ownership_maps.h"

namespace bulkhead::ownership {

// A block device that is a domain's volume.
struct OwnedBlock {
  probes::FileKey key;
  std::string source;  // as the definition names it
  std::string tenant;
  probes::Owner owner;
};

// What its last tenant left on a volume that is another one's now.
struct Residue {
  std::string previous_tenant;
  std::uint64_t unobserved_ns = 0;  // since the release
};

// Belongs to one thread.
class VolumeLedgers {
 public:
  using Absent = std::pair<std::string, std::string>;  // source, tenant

  virtual ~VolumeLedgers() = default;

  // All block volumes that tenants own from now on; those that are contested, and those whose device is not there at
  // the moment, are as they were. The ledgers' numbers by key, of those that have one: also of volumes that are
  // nobody's since their tenant released them, which are to be watched on.
  virtual std::map<probes::FileKey, std::uint32_t> follow(const std::vector<OwnedBlock>& owned,
                                                          const std::vector<probes::FileKey>& contested,
                                                          const std::vector<Absent>& absent) = 0;

  // Of the volume now; an empty tenant when nothing is left on it.
  virtual Residue residue(const probes::FileKey& key) const = 0;
};

}  // namespace bulkhead::ownership
