// What an event's actor did, in the words of grants.
#pragma once

#include <vector>

#include "bulkhead/v1/event.pb.h"
#include "bulkhead/v1/grant.pb.h"

namespace bulkhead::grants {

// All of them must be granted: a volume opened for reading and writing is two. Empty for what no grant can allow, such
// as frames between tenants.
std::vector<v1::Operation> operations_of(const v1::Event& event);

}  // namespace bulkhead::grants
