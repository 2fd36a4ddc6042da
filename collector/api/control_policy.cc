#include "collector/api/control_policy.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "proto/batch/event_time.h"
#include "proto/batch/limits.h"

namespace bulkhead::api {

absl::StatusOr<v1::PolicyText> get_policy(const v1::GetPolicyRequest& request, const policy::PolicyHistory& policies) {
  if (request.has_at() && !request.version().empty()) {
    return absl::InvalidArgumentError("a policy is asked for by a time or by a version, not by both");
  }
  if (!request.version().empty()) return policies.text_of(request.version());
  if (!request.has_at()) return policies.text_at(absl::Now());
  const auto time = batch::nanoseconds_of(request.at());
  if (!time) return absl::InvalidArgumentError("at is not a time from 1970 on");
  return policies.text_at(absl::FromUnixNanos(*time));
}

absl::Status list_policies(const policy::PolicyHistory& policies, QueryRun<v1::PolicyText>& run) {
  return policies.for_each([&](const v1::PolicyText& text) { return !run.is_over() && run.send(text); });
}

absl::StatusOr<v1::ReloadResponse> reload(
    const v1::ReloadRequest& request,
    const std::function<absl::StatusOr<v1::ReloadResponse>(const std::string& by)>& reload_all) {
  if (request.by().empty()) return absl::InvalidArgumentError("by: who does this?");
  // It goes into the log.
  const bool printable = std::ranges::none_of(request.by(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (request.by().size() > limits::kHostIdBytes || !printable) {
    return absl::InvalidArgumentError("by: expected a name of one line, at most 128 bytes");
  }
  return reload_all(request.by());
}

}  // namespace bulkhead::api
