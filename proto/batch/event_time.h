// Times of events are nanoseconds since the epoch in [0, 2^63): 1970 to 2262.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "absl/time/time.h"
#include "google/protobuf/timestamp.pb.h"

namespace bulkhead::batch {

inline constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;

// Nothing when it is out of range or its nanoseconds are not in [0, 10^9).
inline std::optional<std::int64_t> nanoseconds_of(const google::protobuf::Timestamp& time) {
  constexpr std::int64_t kLastSecond = std::numeric_limits<std::int64_t>::max() / kNanosecondsPerSecond - 1;
  if (time.seconds() < 0 || time.seconds() > kLastSecond) return std::nullopt;
  if (time.nanos() < 0 || time.nanos() >= kNanosecondsPerSecond) return std::nullopt;
  return time.seconds() * kNanosecondsPerSecond + time.nanos();
}

// `time_ns` must not be negative.
inline void set_nanoseconds(std::int64_t time_ns, google::protobuf::Timestamp* time) {
  time->set_seconds(time_ns / kNanosecondsPerSecond);
  time->set_nanos(static_cast<std::int32_t>(time_ns % kNanosecondsPerSecond));
}

// Of any stamp, also one before 1970.
inline absl::Time time_of(const google::protobuf::Timestamp& stamp) {
  return absl::FromUnixSeconds(stamp.seconds()) + absl::Nanoseconds(stamp.nanos());
}

}  // namespace bulkhead::batch
