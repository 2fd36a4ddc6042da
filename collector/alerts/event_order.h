// The one order of all events, whatever way and time they came.
#pragma once

#include <compare>

#include "bulkhead/v1/alert.pb.h"
#include "bulkhead/v1/event.pb.h"

namespace bulkhead::alerts {

v1::EventIdentity identity_of(const v1::Event& event);

// By (time, host_id, boot_id, sequence).
std::strong_ordering compare(const v1::EventIdentity& left, const v1::EventIdentity& right);

}  // namespace bulkhead::alerts
