// Which tenant and which domain an actor or an object is, in words.
#pragma once

#include "agent/ownership/registry.h"
#include "bulkhead/v1/event.pb.h"

namespace bulkhead::attribute {

// `party` is a v1::Actor or a v1::Object.
template <typename Party>
void describe_owner(probes::Owner owner, const ownership::Registry& registry, Party& party) {
  party.set_tenant(registry.tenant(owner.tenant));
  if (const ownership::DomainFacts* domain = registry.domain(owner.domain)) {
    party.set_domain_uuid(domain->uuid);
    party.set_domain_name(domain->name);
  }
}

}  // namespace bulkhead::attribute
