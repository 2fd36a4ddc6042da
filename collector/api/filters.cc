#include "collector/api/filters.h"

#include <utility>

#include "proto/batch/event_time.h"

namespace bulkhead::api {

namespace {

std::pair<std::int64_t, std::int32_t> order(const google::protobuf::Timestamp& time) {
  return {time.seconds(), time.nanos()};
}

}  // namespace

absl::StatusOr<RecordFilter> RecordFilter::make(const v1::Filter& filter, const directory::Directory& directory) {
  for (const auto* time : {&filter.since(), &filter.until()}) {
    if (!batch::nanoseconds_of(*time)) return absl::InvalidArgumentError("since or until is not a time from 1970 on");
  }
  if (filter.has_since() && filter.has_until() && order(filter.until()) < order(filter.since())) {
    return absl::InvalidArgumentError("until is before since");
  }
  return RecordFilter(filter, directory);
}

bool RecordFilter::takes_time(const google::protobuf::Timestamp& time) const {
  if (filter_.has_since() && order(time) < order(filter_.since())) return false;
  return !filter_.has_until() || order(time) <= order(filter_.until());
}

bool RecordFilter::takes_host(const std::string& host_id) const {
  return directory_.matches(host_id, filter_.host());
}

bool RecordFilter::takes(const v1::Event& event) const {
  const std::string& tenant = filter_.tenant();
  if (!tenant.empty() && event.actor().tenant() != tenant && event.object().tenant() != tenant) return false;
  return takes_time(event.time());
}

bool RecordFilter::takes(const v1::Alert& alert) const {
  const std::string& tenant = filter_.tenant();
  if (!tenant.empty() && alert.actor_tenant() != tenant && alert.object_tenant() != tenant) return false;
  if (!filter_.rule().empty() && alert.rule().id() != filter_.rule()) return false;
  return takes_time(alert.first_time()) && takes_host(alert.host_id());
}

bool RecordFilter::is_over(std::int64_t now_ns) const {
  return filter_.has_until() && batch::nanoseconds_of(filter_.until()) < now_ns;
}

std::int64_t RecordFilter::since_ns() const {
  return batch::nanoseconds_of(filter_.since()).value_or(0);
}

}  // namespace bulkhead::api
