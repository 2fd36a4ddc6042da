// What a test's event is before its own words. Private to this folder.
#pragma once

#include <cstdint>

#include "bulkhead/v1/event.pb.h"

namespace bulkhead::detect {

// 2026-01-02T03:04:05Z, in seconds since 1970: the time of an event that says none, and what "+5s" counts from.
inline constexpr std::int64_t kTestTime = 1767323045;

// An event of that kind as an agent would send it; docs/rules.md describes it.
v1::Event default_event(v1::Event::PayloadCase kind, std::uint64_t number);

}  // namespace bulkhead::detect
