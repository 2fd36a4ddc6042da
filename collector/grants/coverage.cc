#include "collector/grants/coverage.h"

#include <fmt/format.h>

#include <algorithm>

#include "absl/strings/str_join.h"
#include "collector/grants/operations.h"
#include "collector/policy/operations.h"
#include "proto/batch/event_time.h"

namespace bulkhead::grants {
namespace {

using batch::time_of;

std::string text_of(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

std::string time_deviation(const v1::Grant& grant, absl::Time at) {
  if (!approved_at(grant, at)) return "it was not approved";
  if (grant.has_revoked() && at >= time_of(grant.revoked())) {
    return fmt::format("it was revoked at {}", text_of(time_of(grant.revoked())));
  }
  if (at >= time_of(grant.until())) return fmt::format("it expired at {}", text_of(time_of(grant.until())));
  if (at < time_of(grant.from())) return fmt::format("it begins at {}", text_of(time_of(grant.from())));
  return {};
}

std::string operation_deviation(const v1::Grant& grant, const v1::Event& event) {
  std::vector<std::string> missing;
  for (const v1::Operation operation : operations_of(event)) {
    if (std::ranges::find(grant.operations(), operation) == grant.operations().end()) {
      missing.emplace_back(policy::name_of(operation));
    }
  }
  return missing.empty() ? std::string() : fmt::format("it does not allow {}", absl::StrJoin(missing, " and "));
}

std::string domain_deviation(const v1::Grant& grant, const v1::Event& event) {
  const v1::Object& object = event.object();
  const bool named = grant.domains().empty() || std::ranges::any_of(grant.domains(), [&](const std::string& domain) {
                       return domain == object.domain_uuid() || domain == object.domain_name();
                     });
  if (named) return {};
  return fmt::format("domain {} is out of its scope", object.domain_name());
}

std::string actor_deviation(const v1::Grant& grant, const v1::Event& event) {
  const v1::GrantedActor& granted = grant.actor();
  const v1::Actor& actor = event.actor();
  if (granted.has_login_uid() && granted.login_uid() != actor.login_uid()) {
    return fmt::format("it is for login uid {}", granted.login_uid());
  }
  if (granted.has_uid() && granted.uid() != actor.uid()) return fmt::format("it is for uid {}", granted.uid());
  if (!granted.executable().empty() && granted.executable() != actor.process().executable()) {
    return fmt::format("it is for {}", granted.executable());
  }
  return {};
}

}  // namespace

bool approved_at(const v1::Grant& grant, absl::Time at) {
  const auto given = std::ranges::count_if(
      grant.approvals(), [&](const v1::GrantApproval& approval) { return time_of(approval.time()) <= at; });
  return static_cast<std::uint32_t>(given) >= grant.approvals_needed();
}

std::vector<std::string> deviations(const v1::Grant& grant, const v1::Event& event) {
  std::vector<std::string> all = {time_deviation(grant, time_of(event.time())), operation_deviation(grant, event),
                                  domain_deviation(grant, event), actor_deviation(grant, event)};
  std::erase(all, std::string());
  return all;
}

}  // namespace bulkhead::grants
