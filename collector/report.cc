#include "collector/report.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "collector/api/query_service.h"
#include "collector/figures.h"
#include "collector/report_sinks.h"
#include "collector/version.h"
#include "proto/batch/event_time.h"

namespace bulkhead::collector {

std::uint32_t enabled_rules(const detect::RuleSet& rules) {
  return static_cast<std::uint32_t>(std::ranges::count_if(rules.rules(), &detect::RuleInfo::enabled));
}

v1::Status Report::status() const {
  v1::Status status;
  status.set_collector_id(sources_.id);
  status.set_version(kVersion);
  status.mutable_started()->set_seconds(absl::ToUnixSeconds(sources_.started));
  const auto log = sources_.store.log().statistics();
  status.set_stored_events(log.events);
  status.set_stored_bytes(log.bytes);
  status.set_alerts(sources_.store.alerts().count());
  const auto totals = sources_.directory.totals();
  status.set_connected_hosts(totals.connected_hosts);
  status.set_known_hosts(totals.known_hosts);
  std::uint64_t lost = totals.lost_records;
  for (const auto& host : sources_.directory.hosts()) {
    const auto missing = sources_.store.ledger().missing(host.host_id());
    if (missing.ok()) {
      lost += *missing;
    } else {
      status.add_problems(std::string(missing.status().message()));
    }
  }
  status.set_lost_records(lost);
  status.set_rules(enabled_rules(*sources_.rules()));
  const absl::Time now = absl::Now();
  status.set_active_grants(sources_.grants.active(now));
  status.set_active_silences(static_cast<std::uint32_t>(sources_.silences.list(false, now).size()));
  const auto states = sources_.store.alerts().count_states();
  status.set_open_alerts(states.open);
  status.set_acknowledged_alerts(states.acknowledged);
  status.set_detection_lag_events(sources_.stage.lag_events());
  for (auto& problem : sources_.ingest.problems()) status.add_problems(std::move(problem));
  if (const auto policy = sources_.policies.current(); policy != nullptr) status.set_policy_version(policy->version());
  for (auto& problem : policy_problems()) status.add_problems(std::move(problem));
  for (auto& problem : sources_.problems()) status.add_problems(std::move(problem));
  for (auto& problem : sources_.stage.problems()) status.add_problems(std::move(problem));
  for (auto& problem : sources_.sinks.problems()) status.add_problems(std::move(problem));
  add_sinks(sources_.sinks.statistics(), status);
  return status;
}

std::vector<std::string> Report::policy_problems() const {
  // Agents take a policy within seconds; who has not within this time refused it, or is too old to know what one is.
  constexpr absl::Duration kPatience = absl::Minutes(1);
  constexpr std::size_t kNamed = 10;
  std::vector<std::string> problems = sources_.policy_source.problems();
  const auto policy = sources_.policies.current();
  if (policy == nullptr) return problems;
  const absl::Time in_force = batch::time_of(policy->valid_from());
  auto behind = sources_.directory.behind(policy->sha256(), in_force, kPatience);
  if (behind.empty()) return problems;
  const std::size_t count = behind.size();
  behind.resize(std::min(count, kNamed));
  problems.push_back(absl::StrCat("policy '", policy->version(), "' is not in use on ", count,
                                  count == 1 ? " connected host: " : " connected hosts: ", absl::StrJoin(behind, ", "),
                                  count > kNamed ? ", …" : ""));
  return problems;
}

namespace {

std::string lines_of(const std::vector<std::string>& problems) {
  return absl::StrJoin(problems, "",
                       [](std::string* out, const std::string& problem) { absl::StrAppend(out, problem, "\n"); });
}

}  // namespace

std::vector<std::string> Report::standing_still() const {
  std::vector<std::string> problems = sources_.ingest.problems();
  for (auto& problem : sources_.stage.problems()) problems.push_back(std::move(problem));
  return problems;
}

monitoring::Page Report::health() const {
  const auto status = this->status();
  if (status.problems().empty()) return {.body = "ok\n"};
  return {.healthy = standing_still().empty(), .body = lines_of({status.problems().begin(), status.problems().end()})};
}

monitoring::Page Report::readiness() const {
  const auto problems = standing_still();
  if (problems.empty()) return {.body = "ok\n"};
  return {.healthy = false, .body = lines_of(problems)};
}

monitoring::Page Report::metrics() const {
  monitoring::Figures figures;
  add_status(status(), figures);
  add_ingest(sources_.ingest.statistics(), figures);
  add_detection(sources_.stage.statistics(), figures);
  add_sink_figures(sources_.sinks.statistics(), figures);
  std::vector<v1::Host> hosts;
  for (auto& host : sources_.directory.hosts()) {
    auto complete = api::complete_host(std::move(host), sources_.store.ledger());
    // A figure that cannot be read must not look like one that is 0.
    if (!complete.ok()) return {.healthy = false, .body = absl::StrCat(complete.status().message(), "\n")};
    hosts.push_back(*std::move(complete));
  }
  const auto policy = sources_.policies.current();
  add_hosts(hosts, policy == nullptr ? "" : policy->sha256(), figures);
  monitoring::add_process(figures);
  return monitoring::metrics_page(figures);
}

}  // namespace bulkhead::collector
