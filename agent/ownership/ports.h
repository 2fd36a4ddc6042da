// The domains' ports in the kernel's map.
#pragma once

#include <map>
#include <string>

#include "agent/inventory/model.h"
#include "agent/inventory/network_namespace.h"
#include "agent/ownership/registry.h"
#include "agent/probes/ownership_maps.h"
#include "bulkhead/v1/host.pb.h"

namespace bulkhead::ownership {

struct PortFacts {
  std::string device;
  probes::Owner owner;
  inventory::MacAddress mac{};
};

// Belongs to one thread.
class Ports {
 public:
  // `maps` must outlive this.
  explicit Ports(probes::OwnershipMaps& maps) : maps_(maps) {}

  // Of one domain: they are in the map when it returns, and `told` says so, or why not.
  void add(const inventory::Domain& domain, probes::Owner owner, v1::Domain& told);
  // Those that were not added since the last call are gone.
  void settle();

  // Null for what is not owned (any more).
  const PortFacts* find(const probes::PortKey& key) const;
  // Tenant that a MAC is assigned to on this host; empty when none or several.
  std::string tenant_of_mac(const inventory::MacAddress& mac, const Registry& registry) const;

 private:
  probes::OwnershipMaps& maps_;
  inventory::NetworkNamespaces namespaces_;
  std::map<probes::PortKey, PortFacts> ports_;
  std::map<probes::PortKey, PortFacts> added_;
};

}  // namespace bulkhead::ownership
