#include "collector/sinks/pause.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace bulkhead::sinks {
namespace {

using std::chrono::milliseconds;

constexpr char kPayload[] = "bulkhead/asked-pause-milliseconds";

}  // namespace

std::optional<milliseconds> parse_retry_after(std::string_view value, std::chrono::system_clock::time_point now) {
  const absl::string_view text = absl::StripAsciiWhitespace({value.data(), value.size()});
  const bool digits = !text.empty() && std::ranges::all_of(text, absl::ascii_isdigit);
  if (digits) {
    std::uint64_t seconds = 0;
    // More than 64 bits hold is long, too.
    if (!absl::SimpleAtoi(text, &seconds)) return kLongestAskedPause;
    const auto most = static_cast<std::uint64_t>(kLongestAskedPause / std::chrono::seconds(1));
    return std::chrono::seconds(std::min(seconds, most));
  }
  absl::Time date;
  std::string error;
  if (!absl::ParseTime("%a, %d %b %Y %H:%M:%S GMT", text, absl::UTCTimeZone(), &date, &error)) return std::nullopt;
  const absl::Duration left = date - absl::FromChrono(now);
  if (left <= absl::ZeroDuration()) return std::nullopt;
  return absl::ToChronoMilliseconds(std::min(left, absl::FromChrono(kLongestAskedPause)));
}

void ask_for_pause(milliseconds pause, absl::Status& status) {
  status.SetPayload(kPayload, absl::Cord(absl::StrCat(pause.count())));
}

milliseconds asked_pause(const absl::Status& status) {
  const auto payload = status.GetPayload(kPayload);
  std::int64_t count = 0;
  if (!payload || !absl::SimpleAtoi(std::string(*payload), &count)) return milliseconds(0);
  return std::clamp(milliseconds(count), milliseconds(0), kLongestAskedPause);
}

}  // namespace bulkhead::sinks
