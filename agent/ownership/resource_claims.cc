#include "agent/ownership/resource_claims.h"

#include <algorithm>

namespace bulkhead::ownership {
namespace {

v1::ObjectKind object_kind_of(inventory::ResourceKind kind) {
  switch (kind) {
    case inventory::ResourceKind::kHostDevice:
      return v1::OBJECT_KIND_HOST_DEVICE;
    case inventory::ResourceKind::kSharedMemory:
      return v1::OBJECT_KIND_GUEST_MEMORY;
    case inventory::ResourceKind::kPort:
      return v1::OBJECT_KIND_PORT;
  }
  return v1::OBJECT_KIND_UNSPECIFIED;
}

bool is_live(const inventory::Domain& domain) {
  return domain.state != inventory::DomainState::kShutOff;
}

}  // namespace

probes::Owner ResourceClaims::holder_of(const Thing& thing, const std::vector<OneClaim>& claims) const {
  const auto before = held_by_.find(thing);
  const OneClaim* holder = nullptr;
  bool contested = false;
  for (const OneClaim& claim : claims) {
    if (!is_live(*claim.domain)) continue;
    if (before != held_by_.end() && claim.domain->tenant == before->second) return claim.owner;
    contested = contested || (holder != nullptr && holder->domain->tenant != claim.domain->tenant);
    if (holder == nullptr) holder = &claim;
  }
  if (contested) return {probes::kContestedNumber, 0};
  return holder == nullptr ? probes::Owner{} : holder->owner;
}

std::vector<ForeignClaim> ResourceClaims::judge(const inventory::Snapshot& snapshot,
                                                const std::map<std::string, probes::Owner>& domains) {
  std::map<Thing, std::vector<OneClaim>> by_thing;
  for (const inventory::Domain& domain : snapshot.domains) {
    for (const inventory::Resource& resource : domain.resources) {
      by_thing[{resource.kind, resource.id}].push_back({&domain, &resource, domains.at(domain.uuid)});
    }
  }
  std::vector<ForeignClaim> foreign;
  decltype(held_by_) held_by;
  decltype(told_) told;
  for (const auto& [thing, claims] : by_thing) {
    const probes::Owner holder = holder_of(thing, claims);
    if (holder == probes::Owner{}) continue;
    for (const OneClaim& claim : claims) {
      if (claim.owner.tenant == holder.tenant) {
        held_by[thing] = claim.domain->tenant;
        continue;
      }
      const std::pair one(claim.owner.domain, thing);
      if (!told.insert(one).second || told_.contains(one)) continue;
      foreign.push_back({.claim = {.key = {},
                                   .source = claim.resource->id,
                                   .tenant = claim.domain->tenant,
                                   .owner = claim.owner,
                                   .target = claim.resource->target},
                         .owner = holder,
                         .kind = object_kind_of(thing.first)});
    }
  }
  held_by_ = std::move(held_by);
  told_ = std::move(told);
  return foreign;
}

}  // namespace bulkhead::ownership
