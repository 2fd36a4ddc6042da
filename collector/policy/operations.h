// How operations are spelled in files and shown to people: "memory-read", "volume-write", ….
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bulkhead/v1/grant.pb.h"

namespace bulkhead::policy {

// In the order of the enum, without OPERATION_UNSPECIFIED.
const std::vector<std::string_view>& operation_names();

// OPERATION_UNSPECIFIED for a word that is none.
v1::Operation operation_of(std::string_view name);

// "unspecified" for a number that this version does not know.
std::string_view name_of(v1::Operation operation);

}  // namespace bulkhead::policy
