// The parts of an OCSF finding that are made of events and objects. Private to this folder.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "bulkhead/v1/alert.pb.h"

namespace bulkhead::alerts {

// OCSF's timestamps: milliseconds since the epoch.
std::int64_t milliseconds(const google::protobuf::Timestamp& stamp);

// "guest_memory", "volume", …; empty for none.
std::string object_kind_name(v1::ObjectKind kind);

// The object that was touched and the domain that it belongs to, each with its owner.
nlohmann::ordered_json resources(const v1::Alert& alert);

// One for each event that the alert keeps.
nlohmann::ordered_json evidences(const v1::Alert& alert);

}  // namespace bulkhead::alerts
