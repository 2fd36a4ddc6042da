// The calls of v1.Control about policy, and that which reads everything again.
#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "bulkhead/v1/control.pb.h"
#include "collector/api/query_run.h"
#include "collector/policy/history.h"

namespace bulkhead::api {

// kInvalidArgument when both a time and a version are asked for, or the time is none; kNotFound.
absl::StatusOr<v1::PolicyText> get_policy(const v1::GetPolicyRequest& request, const policy::PolicyHistory& policies);

// Oldest first.
absl::Status list_policies(const policy::PolicyHistory& policies, QueryRun<v1::PolicyText>& run);

// kInvalidArgument when nobody says that they do it, and what `reload` says.
absl::StatusOr<v1::ReloadResponse> reload(
    const v1::ReloadRequest& request,
    const std::function<absl::StatusOr<v1::ReloadResponse>(const std::string& by)>& reload_all);

}  // namespace bulkhead::api
