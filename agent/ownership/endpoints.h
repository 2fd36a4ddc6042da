// The domains' monitors, guest agent channels, consoles and displays in the kernel's map.
#pragma once

#include <map>
#include <string>

#include "agent/inventory/model.h"
#include "agent/probes/ownership_maps.h"
#include "bulkhead/v1/host.pb.h"

namespace bulkhead::ownership {

// Belongs to one thread.
class Endpoints {
 public:
  // `maps` must outlive this.
  explicit Endpoints(probes::OwnershipMaps& maps) : maps_(maps) {}

  // Of one running domain: they are in the map when it returns, and `told` says so, or why not.
  void add(const inventory::Domain& domain, probes::Owner owner, v1::Domain& told);
  // Those that were not added since the last call are gone.
  void settle();

  // Its path, or "tcp:<port>"; empty for what is no endpoint (any more).
  std::string name_of(const probes::EndpointKey& key) const;

 private:
  absl::StatusOr<probes::EndpointKey> key_of(const inventory::Endpoint& endpoint, std::uint32_t vmm) const;

  probes::OwnershipMaps& maps_;
  std::map<probes::EndpointKey, std::string> names_;
  std::map<probes::EndpointKey, std::string> added_;
};

}  // namespace bulkhead::ownership
