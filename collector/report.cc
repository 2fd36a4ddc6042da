#include "collector/report.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "collector/api/metrics.h"
#include "collector/api/query_service.h"
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

api::Page Report::health() const {
  api::Page page;
  for (const auto& problem : status().problems()) {
    page.healthy = false;
    absl::StrAppend(&page.body, problem, "\n");
  }
  if (page.healthy) page.body = "ok\n";
  return page;
}

api::Page Report::metrics() const {
  const auto status = this->status();
  const auto ingest = sources_.ingest.statistics();
  const auto stage = sources_.stage.statistics();
  const std::vector<api::Metric> metrics = {
      {"bulkhead_stored_events", "Events in the log.", false, status.stored_events()},
      {"bulkhead_stored_bytes", "Bytes of the log's records before compression.", false, status.stored_bytes()},
      {"bulkhead_alerts", "Alerts in the store.", false, status.alerts()},
      {"bulkhead_hosts_connected", "Hosts whose agent is connected.", false, status.connected_hosts()},
      {"bulkhead_hosts_known", "Hosts that ever were connected.", false, status.known_hosts()},
      {"bulkhead_lost_records",
       "Records lost on all hosts since their agents started, and events that the collector will never have.", false,
       status.lost_records()},
      {"bulkhead_problems", "Errors that need a person.", false, static_cast<std::uint64_t>(status.problems_size())},
      {"bulkhead_rules", "Rules that are enabled.", false, status.rules()},
      {"bulkhead_detection_lag_events", "Stored events that are not judged yet.", false, status.detection_lag_events()},
      {"bulkhead_detection_events_total", "Events judged.", true, stage.events},
      {"bulkhead_detection_findings_total", "Findings of all rules.", true, stage.findings},
      {"bulkhead_detection_alerts_opened_total", "Alerts opened.", true, stage.alerts_opened},
      {"bulkhead_detection_unreadable_batches_total", "Stored batches that could not be unpacked.", true,
       stage.unreadable_batches},
      {"bulkhead_ingest_streams", "Streams of agents that are open.", false, ingest.streams},
      {"bulkhead_ingest_streams_opened_total", "Streams opened.", true, ingest.streams_opened},
      {"bulkhead_ingest_streams_refused_total", "Streams refused for being too many.", true, ingest.streams_refused},
      {"bulkhead_ingest_streams_replaced_total", "Streams taken over by a newer one of the same host.", true,
       ingest.streams_replaced},
      {"bulkhead_ingest_streams_rejected_total", "Streams ended for what the peer sent.", true,
       ingest.streams_rejected},
      {"bulkhead_ingest_batches_total", "Batches received.", true, ingest.batches},
      {"bulkhead_ingest_batch_bytes_total", "Bytes of the batches received.", true, ingest.batch_bytes},
      {"bulkhead_ingest_duplicate_batches_total", "Batches of which nothing was new.", true, ingest.batches_duplicate},
      {"bulkhead_ingest_rewound_batches_total", "Batches that began beyond the expected sequence.", true,
       ingest.batches_beyond},
      {"bulkhead_ingest_gaps_stated_total", "Gaps that agents stated.", true, ingest.gaps_stated},
      {"bulkhead_ingest_commits_total", "Synced writes of events.", true, ingest.commits},
      {"bulkhead_ingest_commit_failures_total", "Writes of events that failed.", true, ingest.commit_failures},
  };
  std::vector<v1::Host> hosts;
  api::Page page{.healthy = true, .content_type = "text/plain; version=0.0.4; charset=utf-8", .body = {}};
  for (auto& host : sources_.directory.hosts()) {
    auto complete = api::complete_host(std::move(host), sources_.store.ledger());
    if (complete.ok()) {
      hosts.push_back(*std::move(complete));
    } else {
      // A figure that cannot be read must not look like one that is 0.
      return {.healthy = false, .body = absl::StrCat(complete.status().message(), "\n")};
    }
  }
  page.body = api::metrics_text(metrics, hosts, sink_metrics(sources_.sinks.statistics()));
  return page;
}

}  // namespace bulkhead::collector
