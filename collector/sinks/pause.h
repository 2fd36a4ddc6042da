// How long a peer asks to be left alone: RFC 9110, section 10.2.3 (Retry-After).
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "absl/status/status.h"

namespace bulkhead::sinks {

// A peer may ask for more, but is tried again after this: it may long be mended.
inline constexpr std::chrono::milliseconds kLongestAskedPause = std::chrono::minutes(10);

// Seconds, or a date in the future; bounded by kLongestAskedPause. Nothing for what is neither.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view value,
                                                           std::chrono::system_clock::time_point now);

// In the status of an attempt that failed.
void ask_for_pause(std::chrono::milliseconds pause, absl::Status& status);
// 0 when nothing was asked for.
std::chrono::milliseconds asked_pause(const absl::Status& status);

}  // namespace bulkhead::sinks
