// Points in time as people type them.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace bulkhead::ctl {

// RFC 3339 ("2026-11-22T01:00:00Z"), a span before `now` ("90s", "15m", "2h", "7d", "1w"), or seconds since the epoch.
// kInvalidArgument otherwise, and for times before 1970.
absl::StatusOr<absl::Time> parse_time(const std::string& text, absl::Time now);

// "90s", "15m", "2h", "7d", "1w".
absl::StatusOr<absl::Duration> parse_span(const std::string& text);

}  // namespace bulkhead::ctl
