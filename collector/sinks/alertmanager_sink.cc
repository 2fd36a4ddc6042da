#include "collector/sinks/alertmanager_sink.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace bulkhead::sinks {
namespace {

using Json = nlohmann::ordered_json;

// Groups in one post while alerts are posted again.
constexpr std::size_t kGroupsPerPost = 200;
constexpr std::size_t kAlertsPerGroup = 256;

std::string dump(const Json& json) {
  return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

std::string severity_label(v1::Severity severity) {
  // "SEVERITY_HIGH" as "high".
  constexpr std::size_t kPrefix = 9;
  return absl::AsciiStrToLower(v1::Severity_Name(severity).substr(kPrefix));
}

std::string labels_of(const v1::Alert& alert) {
  return dump({{"alertname", alert.rule().id()},
               {"severity", severity_label(alert.rule().severity())},
               {"host", alert.hostname().empty() ? alert.host_id() : alert.hostname()},
               {"actor_tenant", alert.actor_tenant()},
               {"object_tenant", alert.object_tenant()}});
}

std::string rfc3339(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

std::string url_path(const Url& url) {
  const std::string base = url.target.ends_with('/') ? url.target.substr(0, url.target.size() - 1) : url.target;
  return base + "/api/v2/alerts";
}

}  // namespace

AlertmanagerSink::AlertmanagerSink(const Url& url, PeerSettings peer, std::chrono::milliseconds timeout,
                                   std::string authorization, AlertmanagerSettings settings)
    : settings_(settings),
      description_(fmt::format("alertmanager {}", url.text())),
      target_(url_path(url)),
      client_(url, std::move(peer), timeout, std::move(authorization)) {}

void AlertmanagerSink::remember(const v1::Alert& alert) {
  apply(alert, Activity::kUpdate);
}

std::set<AlertmanagerSink::Labels> AlertmanagerSink::apply(const v1::Alert& alert, Activity activity) {
  const Labels labels = labels_of(alert);
  std::set<Labels> touched = {labels};
  // Its severity rose: it leaves the alert of the old one.
  if (const auto known = labels_of_.find(alert.uid()); known != labels_of_.end() && known->second != labels) {
    groups_[known->second].open.erase(alert.uid());
    touched.insert(known->second);
    labels_of_.erase(known);
  }
  auto [position, added] = groups_.try_emplace(labels);
  Group& group = position->second;
  if (added) {
    group.number = next_number_++;
    by_age_[group.number] = labels;
  }
  group.last = {.count = alert.event_count(), .first_seconds = alert.first_time().seconds()};
  group.message = alert.message();
  if (activity == Activity::kClose) {
    group.open.erase(alert.uid());
    labels_of_.erase(alert.uid());
  } else {
    if (group.open.size() >= kAlertsPerGroup && !group.open.contains(alert.uid())) {
      labels_of_.erase(group.open.begin()->first);
      group.open.erase(group.open.begin());
    }
    group.open[alert.uid()] = group.last;
    labels_of_[alert.uid()] = labels;
  }
  forget_oldest();
  return touched;
}

void AlertmanagerSink::forget_oldest() {
  while (groups_.size() > settings_.max_open && groups_.size() > 1) {
    const auto oldest = by_age_.begin();
    const auto group = groups_.find(oldest->second);
    for (const auto& [uid, alert] : group->second.open) labels_of_.erase(uid);
    groups_.erase(group);
    by_age_.erase(oldest);
  }
}

std::string AlertmanagerSink::body(const std::set<Labels>& groups) const {
  const absl::Time now = absl::Now();
  Json json = Json::array();
  for (const Labels& labels : groups) {
    const auto found = groups_.find(labels);
    if (found == groups_.end()) continue;
    const Group& group = found->second;
    const bool resolved = group.open.empty();
    std::string uids;
    std::uint64_t count = 0;
    std::int64_t first = group.last.first_seconds;
    for (const auto& [uid, alert] : group.open) {
      count += alert.count;
      first = std::min(first, alert.first_seconds);
      // A person looks up a few; all are in the store.
      constexpr std::size_t kUidBytes = 330;
      if (uids.size() < kUidBytes) uids += (uids.empty() ? "" : " ") + uid;
    }
    // A host's clock may be ahead of ours, and what begins after it ended is refused.
    const absl::Time starts = std::min(absl::FromUnixSeconds(first), now - absl::Seconds(1));
    json.push_back({{"labels", Json::parse(labels)},
                    {"annotations",
                     {{"message", group.message},
                      {"uid", uids},
                      {"count", fmt::format("{}", resolved ? group.last.count : count)}}},
                    {"startsAt", rfc3339(starts)},
                    {"endsAt", rfc3339(resolved ? now : now + absl::FromChrono(settings_.expire))}});
  }
  return dump(json);
}

absl::Status AlertmanagerSink::post(const std::set<Labels>& groups, const std::stop_token& stop) {
  HttpRequest request{.target = target_, .headers = {{"Content-Type", "application/json"}}, .body = body(groups)};
  const auto response = client_.post(request, stop);
  const absl::Status status = response.ok() ? judge(*response, std::chrono::system_clock::now()) : response.status();
  if (status.ok()) {
    sweep(groups);
  } else if (!absl::IsInvalidArgument(status)) {
    // It may have been started anew, and know of nothing.
    resend_at_ = {};
  }
  return status;
}

void AlertmanagerSink::sweep(const std::set<Labels>& told) {
  for (const Labels& labels : told) {
    const auto group = groups_.find(labels);
    if (group == groups_.end() || !group->second.open.empty()) continue;
    by_age_.erase(group->second.number);
    groups_.erase(group);
  }
}

std::vector<absl::Status> AlertmanagerSink::deliver(std::span<const Delivery> deliveries, const std::stop_token& stop) {
  std::vector<std::set<Labels>> touched;
  std::set<Labels> all;
  for (const Delivery& delivery : deliveries) {
    touched.push_back(apply(*delivery.alert, delivery.activity));
    all.insert(touched.back().begin(), touched.back().end());
  }
  const absl::Status posted = post(all, stop);
  std::vector<absl::Status> results(deliveries.size(), posted);
  if (!absl::IsInvalidArgument(posted) || deliveries.size() == 1) return results;
  // One of them is refused; the others are not to go with it.
  for (std::size_t i = 0; i < deliveries.size(); ++i) results[i] = post(touched[i], stop);
  return results;
}

absl::Status AlertmanagerSink::keep_up(const std::stop_token& stop) {
  const auto now = Clock::now();
  if (now >= resend_at_) {
    resend_at_ = now + settings_.resend;
    for (const auto& [labels, group] : groups_) to_resend_.insert(labels);
  }
  while (!to_resend_.empty() && !stop.stop_requested()) {
    std::set<Labels> some;
    while (!to_resend_.empty() && some.size() < kGroupsPerPost) some.insert(to_resend_.extract(to_resend_.begin()));
    const absl::Status posted = post(some, stop);
    // What is refused was so when it was delivered, and was said then.
    if (!posted.ok() && !absl::IsInvalidArgument(posted)) return posted;
  }
  return absl::OkStatus();
}

}  // namespace bulkhead::sinks
