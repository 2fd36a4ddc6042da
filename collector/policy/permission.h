// What policy allows between tenants.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "bulkhead/v1/event.pb.h"
#include "bulkhead/v1/policy.pb.h"

namespace bulkhead::policy {

// The bridge that a host's port is on, or nothing where that is not known (directory::Directory::bridge_of). Called at
// most twice per event, and for no policy without shared networks.
using BridgeOf = std::function<std::optional<std::string>(const std::string& host_id, const std::string& port)>;

// Whether `policy` allows this access across tenants, and by what: "peering backbone", "shared network storage".
//
// Only frames are allowed so. A peering allows them between its tenants wherever they meet. A shared network allows
// them where both ports are on its bridges, between its tenants; without a list, between all tenants that are known.
// The tenant whose MAC a frame bears must be one of them, too: who borrows a neighbour's address is no peer. A port
// whose bridge is not known is on none.
//
// Pure apart from `bridge_of`.
std::optional<std::string> permission(const v1::Policy& policy, const v1::Event& event, const BridgeOf& bridge_of);

}  // namespace bulkhead::policy
