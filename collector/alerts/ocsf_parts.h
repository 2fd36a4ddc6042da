// What the parts of an alert's OCSF evidence are made with. Private to this folder.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>

#include "bulkhead/v1/event.pb.h"

namespace bulkhead::alerts {

using Json = nlohmann::ordered_json;

// OCSF's type_id of a file.
inline constexpr int kRegularFile = 1;
inline constexpr int kBlockDevice = 4;

// "PROBE_MEMORY_PTRACE" as "memory_ptrace"; the number where this build has no name for it.
std::string enum_name(const google::protobuf::EnumDescriptor& descriptor, int number, std::size_t prefix);

template <std::size_t kSize>
std::string enum_name(const google::protobuf::EnumDescriptor* descriptor, int number, const char (&)[kSize]) {
  return enum_name(*descriptor, number, kSize - 1);
}

Json file(const std::string& path, int type);

// For the payloads of disk.proto; nothing for any other.
void add_disk_evidence(const v1::Event& event, Json& evidence, Json& data);

}  // namespace bulkhead::alerts
