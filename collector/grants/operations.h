// What an event's actor did, in the words of grants.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bulkhead/v1/event.pb.h"
#include "bulkhead/v1/grant.pb.h"

namespace bulkhead::grants {

// All of them must be granted: a volume opened for reading and writing is two. Empty for what no grant can allow, such
// as frames between tenants.
std::vector<v1::Operation> operations_of(const v1::Event& event);

// "memory-read", …: as people write them.
std::string operation_name(v1::Operation operation);
// OPERATION_UNSPECIFIED for none.
v1::Operation operation_named(std::string_view name);
// All that there are.
std::vector<std::string> operation_names();

}  // namespace bulkhead::grants
