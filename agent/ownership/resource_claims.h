// Who has a host device, shared memory or a port that definitions of several tenants name. The tenant whose domain runs
// with it has it. One that nobody runs with is nobody's: domains that are off may take turns.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/inventory/model.h"
#include "agent/ownership/volume_claims.h"

namespace bulkhead::ownership {

// Belongs to one thread.
class ResourceClaims {
 public:
  // Claims by tenants that do not have the thing, which the snapshot before did not have. Of two tenants that run with
  // one, it is the first that has it; all claims are foreign when none was first. `domains` has the owner of each
  // domain of the snapshot, by uuid.
  std::vector<ForeignClaim> judge(const inventory::Snapshot& snapshot,
                                  const std::map<std::string, probes::Owner>& domains);

 private:
  struct OneClaim {
    const inventory::Domain* domain;
    const inventory::Resource* resource;
    probes::Owner owner;
  };
  using Thing = std::pair<inventory::ResourceKind, std::string>;

  // Nothing when nobody runs with it; kContestedNumber when several do and none did before.
  probes::Owner holder_of(const Thing& thing, const std::vector<OneClaim>& claims) const;

  std::map<Thing, std::string> held_by_;            // tenant
  std::set<std::pair<std::uint32_t, Thing>> told_;  // by domain number
};

}  // namespace bulkhead::ownership
