#include "agent/ownership/former_volumes.h"

#include <algorithm>
#include <utility>

#include "agent/ownership/volumes.h"

namespace bulkhead::ownership {

namespace {

// A domain of the owner's that names the source; null when none does (any more).
const inventory::Domain* domain_with(const VolumeFacts& facts, const inventory::Snapshot& snapshot,
                                     const std::map<std::string, probes::Owner>& domains) {
  const auto found = std::ranges::find_if(snapshot.domains, [&](const inventory::Domain& domain) {
    return domains.at(domain.uuid) == facts.owner &&
           std::ranges::count(domain.volumes, facts.source, &inventory::Volume::source) > 0;
  });
  return found == snapshot.domains.end() ? nullptr : &*found;
}

}  // namespace

std::vector<Claim> former_claims(const std::map<probes::FileKey, VolumeFacts>& before,
                                 const inventory::Snapshot& snapshot,
                                 const std::map<std::string, probes::Owner>& domains,
                                 const std::vector<Claim>& claims) {
  std::vector<Claim> former;
  std::map<std::string, std::size_t> by_source;
  for (const auto& [key, facts] : before) {
    const bool has_name =
        std::ranges::any_of(claims, [&](const Claim& claim) { return claim.key == key && claim.owner == facts.owner; });
    if (key.block_device || has_name) continue;
    const inventory::Domain* domain = domain_with(facts, snapshot, domains);
    if (domain == nullptr || ++by_source[facts.source] > kFormerFilesLimit) continue;
    former.push_back({.key = key, .source = facts.source, .tenant = domain->tenant, .owner = facts.owner});
  }
  return former;
}

}  // namespace bulkhead::ownership
