#include "collector/ctl/time_spec.h"

#include <charconv>

#include "absl/strings/str_cat.h"

namespace bulkhead::ctl {

namespace {

constexpr std::int64_t kLongestSpan = 100LL * 366 * 24 * 3600;

absl::Status bad(const std::string& text) {
  return absl::InvalidArgumentError(absl::StrCat(
      "'", text, "' is no time; expected one like 2026-11-22T01:00:00Z, 15m, 2h or 7d (ago), or seconds since 1970"));
}

std::int64_t seconds_of(char unit) {
  const std::pair<char, std::int64_t> units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 7 * 86400}};
  for (const auto& [name, seconds] : units) {
    if (name == unit) return seconds;
  }
  return 0;
}

}  // namespace

absl::StatusOr<absl::Time> parse_time(const std::string& text, absl::Time now) {
  std::int64_t number = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number);
  if (error == std::errc() && number >= 0 && end == last) {
    const absl::Time time = absl::FromUnixSeconds(number);
    return time < absl::FromUnixSeconds(kLongestSpan * 2) ? absl::StatusOr<absl::Time>(time) : bad(text);
  }
  if (error == std::errc() && number >= 0 && end + 1 == last) {
    const std::int64_t unit = seconds_of(*end);
    if (unit == 0 || number > kLongestSpan / unit) return bad(text);
    return std::max(now - absl::Seconds(number * unit), absl::UnixEpoch());
  }
  absl::Time time;
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, nullptr) || time < absl::UnixEpoch() ||
      time == absl::InfiniteFuture()) {
    return bad(text);
  }
  return time;
}

absl::StatusOr<absl::Duration> parse_span(const std::string& text) {
  std::int64_t number = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number);
  const std::int64_t unit = error == std::errc() && end + 1 == last ? seconds_of(*end) : 0;
  if (unit != 0 && number > 0 && number <= kLongestSpan / unit) return absl::Seconds(number * unit);
  return absl::InvalidArgumentError(absl::StrCat("'", text, "' is no span; expected one like 30m, 8h or 2d"));
}

}  // namespace bulkhead::ctl
