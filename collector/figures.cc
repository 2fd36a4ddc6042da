#include "collector/figures.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>

#include "collector/directory/directory.h"
#include "proto/batch/probe_name.h"

namespace bulkhead::collector {

namespace {

using monitoring::Figures;
using monitoring::Labels;

double number(std::uint64_t value) {
  return static_cast<double>(value);
}

void add_probes(const std::vector<v1::Host>& hosts, Figures& figures) {
  struct Stage {
    const char* name;
    std::uint64_t (v1::ProbeCounters::*value)() const;
  };
  constexpr std::array<Stage, 7> kStages = {{{"seen", &v1::ProbeCounters::seen},
                                             {"suppressed", &v1::ProbeCounters::suppressed},
                                             {"coalesced", &v1::ProbeCounters::coalesced},
                                             {"emitted", &v1::ProbeCounters::emitted},
                                             {"lost", &v1::ProbeCounters::lost},
                                             {"decoded", &v1::ProbeCounters::decoded},
                                             {"spooled", &v1::ProbeCounters::spooled}}};
  std::map<std::pair<std::string, std::string>, std::uint64_t> sums;
  for (const auto& host : hosts) {
    for (const auto& counters : host.health().counters()) {
      for (const Stage& stage : kStages) {
        sums[{batch::probe_name(counters.probe()), stage.name}] += (counters.*stage.value)();
      }
    }
    for (const auto& stored : host.stored()) sums[{batch::probe_name(stored.probe()), "stored"}] += stored.count();
  }
  for (const auto& [key, value] : sums) {
    figures.gauge("bulkhead_probe_records",
                  "Records of all hosts by probe and by how far they came; seen to spooled since the agents started, "
                  "stored since the hosts booted.",
                  number(value), {{"probe", key.first}, {"stage", key.second}});
  }
}

std::uint64_t hooks_in_state(const v1::Host& host, bool attached) {
  return static_cast<std::uint64_t>(std::ranges::count_if(host.coverage().probes(), [attached](const auto& hook) {
    return (hook.state() == v1::PROBE_STATE_ATTACHED) == attached;
  }));
}

void add_rules(const std::vector<alerts::RuleStatistics>& rules, Figures& figures) {
  for (const auto& rule : rules) {
    const Labels labels = {{"rule", rule.id}};
    figures.counter("bulkhead_rule_findings_total", "Findings of the rule, authorised ones too.", number(rule.findings),
                    labels);
    figures.counter("bulkhead_rule_alerts_opened_total", "Alerts that the rule opened.", number(rule.alerts_opened),
                    labels);
    figures.counter("bulkhead_rule_sampled_evaluations_total", "Evaluations of the rule that were timed.",
                    number(rule.sampled_evaluations), labels);
    figures.counter("bulkhead_rule_sampled_evaluation_seconds_total", "Time that those took.",
                    number(rule.sampled_ns) * 1e-9, labels);
  }
}

void add_correlations(const std::vector<alerts::CorrelationFigures>& correlations, Figures& figures) {
  for (const auto& one : correlations) {
    const Labels labels = {{"rule", one.rule}};
    const detect::CorrelationStatistics& was = one.statistics;
    figures.gauge("bulkhead_correlation_groups", "Groups that the correlation keeps.", number(was.groups), labels);
    figures.gauge("bulkhead_correlation_entries", "Events that it keeps.", number(was.entries), labels);
    figures.counter("bulkhead_correlation_events_total", "Events that it took in.", number(was.events), labels);
    figures.counter("bulkhead_correlation_late_events_total",
                    "Events beyond the window in which order does not matter.", number(was.late_events), labels);
    figures.counter("bulkhead_correlation_events_without_group_total", "Events that lack a field that it groups by.",
                    number(was.events_without_group), labels);
    figures.counter("bulkhead_correlation_dropped_groups_total", "Groups dropped for the limit on memory.",
                    number(was.dropped_groups), labels);
    figures.counter("bulkhead_correlation_dropped_entries_total", "Events dropped for the limit on memory.",
                    number(was.dropped_entries), labels);
  }
}

}  // namespace

void add_status(const v1::Status& status, Figures& figures) {
  figures.gauge("bulkhead_collector_info", "1; the labels say what runs.", 1,
                {{"version", status.version()}, {"collector_id", status.collector_id()}});
  figures.gauge("bulkhead_policy_info", "1; the label says which policy is in force, nothing for none.", 1,
                {{"version", status.policy_version()}});
  const auto gauge = [&](const char* name, const char* help, std::uint64_t value) {
    figures.gauge(name, help, number(value));
  };
  gauge("bulkhead_stored_events", "Events in the log.", status.stored_events());
  gauge("bulkhead_stored_bytes", "Bytes of the log's records before compression.", status.stored_bytes());
  gauge("bulkhead_hosts_connected", "Hosts whose agent is connected.", status.connected_hosts());
  gauge("bulkhead_hosts_known", "Hosts that ever were connected.", status.known_hosts());
  gauge("bulkhead_lost_records",
        "Records lost on all hosts since their agents started, and events that the collector will never have.",
        status.lost_records());
  gauge("bulkhead_problems", "Problems that need a person; bulkheadctl status names them.",
        static_cast<std::uint64_t>(status.problems_size()));
  gauge("bulkhead_rules", "Rules that are enabled.", status.rules());
  gauge("bulkhead_grants_active", "Grants in force now.", status.active_grants());
  gauge("bulkhead_silences_active", "Silences in force now.", status.active_silences());
  gauge("bulkhead_detection_lag_events", "Stored events that are not judged yet.", status.detection_lag_events());
  gauge("bulkhead_alerts", "Alerts in the store, in every state.", status.alerts());
  constexpr char kWaiting[] = "bulkhead_alerts_waiting";
  constexpr char kWaitingHelp[] = "Alerts that are not closed, by state.";
  figures.gauge(kWaiting, kWaitingHelp, number(status.open_alerts()), {{"state", "open"}});
  figures.gauge(kWaiting, kWaitingHelp, number(status.acknowledged_alerts()), {{"state", "acknowledged"}});
}

void add_ingest(const ingest::Statistics& ingest, Figures& figures) {
  figures.gauge("bulkhead_ingest_streams", "Streams of agents that are open.", number(ingest.streams));
  const auto counter = [&](const char* name, const char* help, std::uint64_t value) {
    figures.counter(name, help, number(value));
  };
  counter("bulkhead_ingest_streams_opened_total", "Streams opened.", ingest.streams_opened);
  counter("bulkhead_ingest_streams_refused_total", "Streams refused for being too many.", ingest.streams_refused);
  counter("bulkhead_ingest_streams_replaced_total", "Streams taken over by a newer one of the same host.",
          ingest.streams_replaced);
  counter("bulkhead_ingest_streams_rejected_total", "Streams ended for what the peer sent.", ingest.streams_rejected);
  counter("bulkhead_ingest_batches_total", "Batches received.", ingest.batches);
  counter("bulkhead_ingest_batch_bytes_total", "Bytes of the batches received.", ingest.batch_bytes);
  counter("bulkhead_ingest_duplicate_batches_total", "Batches of which nothing was new.", ingest.batches_duplicate);
  counter("bulkhead_ingest_rewound_batches_total", "Batches that began beyond the expected sequence.",
          ingest.batches_beyond);
  counter("bulkhead_ingest_gaps_stated_total", "Gaps that agents stated.", ingest.gaps_stated);
  counter("bulkhead_ingest_commits_total", "Synced writes of events.", ingest.commits);
  counter("bulkhead_ingest_commit_failures_total", "Writes of events that failed.", ingest.commit_failures);
}

void add_detection(const alerts::StageStatistics& stage, Figures& figures) {
  figures.counter("bulkhead_detection_events_total", "Events judged.", number(stage.events));
  figures.counter("bulkhead_detection_findings_total", "Findings of all rules.", number(stage.findings));
  figures.counter("bulkhead_detection_alerts_opened_total", "Alerts opened.", number(stage.alerts_opened));
  figures.counter("bulkhead_detection_unreadable_batches_total", "Stored batches that could not be unpacked.",
                  number(stage.unreadable_batches));
  add_rules(stage.rules, figures);
  add_correlations(stage.correlations, figures);
}

void add_sink_figures(const std::vector<sinks::SinkStatistics>& sinks, Figures& figures) {
  for (const auto& sink : sinks) {
    const Labels labels = {{"sink", sink.name}};
    figures.gauge("bulkhead_sink_waiting_alerts", "Alerts on disk that the sink has not confirmed yet.",
                  number(sink.waiting), labels);
    figures.gauge("bulkhead_sink_oldest_waiting_seconds", "How long the oldest of them waits.",
                  static_cast<double>(sink.oldest_waiting.count()), labels);
    figures.gauge("bulkhead_sink_connected", "1 when the sink took what it was given last.", sink.connected ? 1 : 0,
                  labels);
    figures.counter("bulkhead_sink_delivered_alerts_total", "Alerts that the sink confirmed.", number(sink.delivered),
                    labels);
    figures.counter("bulkhead_sink_retries_total", "Attempts that failed and are repeated.", number(sink.retries),
                    labels);
    figures.counter(
        "bulkhead_sink_dead_letters_total",
        "Alerts that will not be delivered, since the store began: refused for good, or pushed out of a full queue.",
        number(sink.dead_letters), labels);
  }
}

void add_hosts(const std::vector<v1::Host>& hosts, const std::string& policy_sha256, Figures& figures) {
  add_probes(hosts, figures);
  for (const auto& host : hosts) {
    const Labels labels = {{"host", host.host_id()}, {"hostname", host.hostname()}};
    const auto gauge = [&](const char* name, const char* help, std::uint64_t value) {
      figures.gauge(name, help, number(value), labels);
    };
    const v1::Health& health = host.health();
    gauge("bulkhead_host_connected", "1 while the host's agent is connected.", host.connected() ? 1 : 0);
    gauge("bulkhead_host_last_seen_timestamp_seconds", "When the host's agent was heard last.",
          static_cast<std::uint64_t>(std::max<std::int64_t>(host.last_seen().seconds(), 0)));
    gauge("bulkhead_host_probes_attached", "Hooks that are attached on the host.", hooks_in_state(host, true));
    gauge("bulkhead_host_probes_missing", "Hooks that could not be attached on the host.", hooks_in_state(host, false));
    gauge("bulkhead_host_lost_records", "Records lost on the host since its agent started.",
          directory::lost_records(health));
    gauge("bulkhead_host_missing_events", "Events of the host that the collector will never have.",
          host.missing_events());
    gauge("bulkhead_host_spool_bytes", "Disk space of what the agent holds until it is confirmed.",
          health.spool_bytes());
    gauge("bulkhead_host_resident_memory_bytes", "The agent's resident memory.", health.resident_bytes());
    gauge("bulkhead_host_inventory_connected", "1 while the agent reaches libvirt.",
          health.inventory_connected() ? 1 : 0);
    gauge("bulkhead_host_policy_current", "1 when the agent works by the policy in force.",
          health.policy_sha256() == policy_sha256 ? 1 : 0);
  }
}

}  // namespace bulkhead::collector
