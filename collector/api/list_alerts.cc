#include "collector/api/list_alerts.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <string>

#include "absl/time/clock.h"
#include "collector/api/filters.h"

namespace bulkhead::api {

namespace {

constexpr std::chrono::milliseconds kFollowWait{200};

class AlertFilter {
 public:
  AlertFilter(const v1::ListAlertsRequest& request, const RecordFilter& records)
      : request_(request), records_(records) {}

  bool takes(const v1::Alert& alert) const {
    if (!request_.uid().empty() && request_.uid() != alert.uid()) return false;
    if (!request_.grant_id().empty() && request_.grant_id() != alert.grant_id()) return false;
    const auto& states = request_.states();
    const bool named = request_.grant_id().empty() && request_.uid().empty();
    const bool state_taken = states.empty() ? !named || alert.state() != v1::ALERT_STATE_AUTHORISED
                                            : std::ranges::find(states, alert.state()) != states.end();
    return state_taken && records_.takes(alert);
  }
  bool is_over(std::int64_t now_ns) const { return records_.is_over(now_ns); }

 private:
  const v1::ListAlertsRequest& request_;
  const RecordFilter& records_;
};

// The stored ones, but for the first `skip` that match.
absl::Status list_stored(const AlertFilter& filter, store::AlertStore& alerts, std::uint64_t skip,
                         QueryRun<v1::Alert>& run) {
  return alerts.for_each([&](const v1::Alert& alert) {
    if (!filter.takes(alert)) return !run.is_over();
    if (skip > 0) {
      --skip;
      return !run.is_over();
    }
    return run.send(alert);
  });
}

absl::StatusOr<std::uint64_t> count_stored(const AlertFilter& filter, store::AlertStore& alerts,
                                           const QueryRun<v1::Alert>& run) {
  std::uint64_t count = 0;
  const auto status = alerts.for_each([&](const v1::Alert& alert) {
    count += filter.takes(alert) ? 1 : 0;
    return !run.is_over();
  });
  if (!status.ok()) return status;
  return count;
}

}  // namespace

absl::Status list_alerts(const v1::ListAlertsRequest& request, store::AlertStore& alerts,
                         const directory::Directory& directory,
                         const std::function<std::shared_ptr<alerts::Subscription>()>& subscribe,
                         QueryRun<v1::Alert>& run) {
  const auto records = RecordFilter::make(request.filter(), directory);
  if (!records.ok()) return records.status();
  const AlertFilter filter(request, *records);
  // Before the store is read: what comes meanwhile is sent twice rather than not at all.
  const auto subscription = request.follow() ? subscribe() : nullptr;
  std::uint64_t skip = 0;
  if (request.limit() != 0) {
    const auto count = count_stored(filter, alerts, run);
    if (!count.ok()) return count.status();
    skip = *count - std::min<std::uint64_t>(*count, request.limit());
  }
  if (auto status = list_stored(filter, alerts, skip, run); !status.ok()) return status;
  while (subscription != nullptr && !run.is_over() && !subscription->closed() &&
         !filter.is_over(absl::GetCurrentTimeNanos())) {
    const auto alert = subscription->next(kFollowWait);
    if (alert && filter.takes(*alert) && !run.send(*alert)) break;
    // The client was too slow for the queue: everything again is better than a silent gap.
    if (subscription->take_missed() == 0) continue;
    if (auto status = list_stored(filter, alerts, 0, run); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<v1::TenantSummary>> with_alerts(std::vector<v1::TenantSummary> tenants,
                                                           store::AlertStore& alerts) {
  std::map<std::string, std::uint64_t> counts;
  const auto status = alerts.for_each([&](const v1::Alert& alert) {
    if (alert.state() != v1::ALERT_STATE_OPEN && alert.state() != v1::ALERT_STATE_ACKNOWLEDGED) return true;
    ++counts[alert.object_tenant()];
    if (alert.actor_tenant() != alert.object_tenant()) ++counts[alert.actor_tenant()];
    return true;
  });
  if (!status.ok()) return status;
  for (auto& tenant : tenants) {
    if (const auto found = counts.find(tenant.tenant()); found != counts.end()) tenant.set_open_alerts(found->second);
  }
  return tenants;
}

}  // namespace bulkhead::api
