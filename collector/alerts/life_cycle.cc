#include "collector/alerts/life_cycle.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "proto/batch/event_time.h"
#include "proto/batch/utf8.h"

namespace bulkhead::alerts {
namespace {

constexpr int kHistory = 64;
constexpr std::size_t kByBytes = 256;
constexpr std::size_t kWhyBytes = 1024;

void record(v1::AlertState to, const std::string& by, const std::string& why, const google::protobuf::Timestamp& time,
            v1::Alert& alert) {
  if (alert.history_size() >= kHistory) {
    alert.mutable_history()->DeleteSubrange(0, alert.history_size() - kHistory + 1);
  }
  v1::AlertChange& change = *alert.add_history();
  *change.mutable_time() = time;
  change.set_from(alert.state());
  change.set_to(to);
  change.set_by(by);
  change.set_why(why);
  alert.set_state(to);
}

absl::Status check_text(const char* what, const std::string& text, std::size_t limit) {
  if (absl::StripAsciiWhitespace(text).empty())
    return absl::InvalidArgumentError(absl::StrCat("'", what, "' is missing"));
  if (text.size() > limit) {
    return absl::InvalidArgumentError(absl::StrCat("'", what, "' has ", text.size(), " bytes, at most ", limit));
  }
  const bool control = std::ranges::any_of(text, [](unsigned char c) { return absl::ascii_iscntrl(c); });
  if (control || !batch::is_utf8(text)) {
    return absl::InvalidArgumentError(absl::StrCat("'", what, "' has control characters or is no UTF-8"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status check_by(const std::string& by) {
  return check_text("by", by, kByBytes);
}

absl::Status check_why(const std::string& why) {
  return check_text("why", why, kWhyBytes);
}

std::string state_name(v1::AlertState state) {
  constexpr std::string_view kPrefix = "ALERT_STATE_";
  const std::string name = v1::AlertState_Name(state);
  return name.starts_with(kPrefix) ? absl::AsciiStrToLower(name.substr(kPrefix.size())) : absl::StrCat(state);
}

absl::Status change_state(v1::AlertState to, const std::string& by, const std::string& why, absl::Time now,
                          v1::Alert& alert) {
  if (auto status = check_by(by); !status.ok()) return status;
  if (auto status = check_why(why); !status.ok()) return status;
  if (to != v1::ALERT_STATE_OPEN && to != v1::ALERT_STATE_ACKNOWLEDGED && to != v1::ALERT_STATE_CLOSED) {
    return absl::InvalidArgumentError("an alert can be opened, acknowledged or closed");
  }
  if (alert.state() == v1::ALERT_STATE_AUTHORISED) {
    return absl::FailedPreconditionError(
        absl::StrCat(alert.uid(), " is the record of authorised accesses, not an alert"));
  }
  if (alert.state() == to) {
    return absl::FailedPreconditionError(absl::StrCat("alert ", alert.uid(), " is ", state_name(to), " already"));
  }
  google::protobuf::Timestamp time;
  batch::set_nanoseconds(absl::ToUnixNanos(now), &time);
  record(to, by, why, time, alert);
  return absl::OkStatus();
}

void reopen(const google::protobuf::Timestamp& time, v1::Alert& alert) {
  record(v1::ALERT_STATE_OPEN, "bulkhead", "a new finding", time, alert);
}

}  // namespace bulkhead::alerts
