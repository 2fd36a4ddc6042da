#include "agent/monitor.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/version.h"
#include "net/endpoint.h"
#include "proto/batch/probe_name.h"

namespace bulkhead {

namespace {

using monitoring::Figures;

double number(std::uint64_t value) {
  return static_cast<double>(value);
}

void add_probes(const v1::Health& health, Figures& figures) {
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
  for (const v1::ProbeCounters& counters : health.counters()) {
    for (const Stage& stage : kStages) {
      figures.counter("bulkhead_agent_probe_records_total",
                      "Records by probe and by how far they came: seen = suppressed + coalesced + emitted + lost, and "
                      "emitted = decoded = spooled.",
                      number((counters.*stage.value)()),
                      {{"probe", batch::probe_name(counters.probe())}, {"stage", stage.name}});
    }
  }
  figures.counter("bulkhead_agent_malformed_records_total", "Records of the kernel that were not understood.",
                  number(health.malformed()));
}

void add_hooks(const std::vector<v1::ProbeCoverage>& coverage, Figures& figures) {
  for (const v1::ProbeCoverage& hook : coverage) {
    figures.gauge("bulkhead_agent_hook_attached", "1 for a hook that is attached; `bulkhead-agent probes` says more.",
                  hook.state() == v1::PROBE_STATE_ATTACHED ? 1 : 0,
                  {{"probe", hook.name()}, {"mechanism", hook.mechanism()}});
  }
}

void add_spool(const spool::Statistics& spool, Figures& figures) {
  figures.gauge("bulkhead_agent_spool_bytes", "Disk space of what the collector has not confirmed, in whole files.",
                number(spool.bytes));
  figures.gauge("bulkhead_agent_unacknowledged_events", "Events that the collector has not confirmed.",
                number(spool.unacknowledged_events));
  figures.counter("bulkhead_agent_spool_dropped_events_total", "Events that the spool could not take.",
                  number(spool.dropped_events));
  figures.counter("bulkhead_agent_spool_damaged_events_total", "Events that were unreadable on disk.",
                  number(spool.damaged_events));
}

void add_stream(const stream::State& stream, Figures& figures) {
  figures.gauge("bulkhead_agent_connected", "1 while a collector takes events.", stream.connected ? 1 : 0);
  figures.counter("bulkhead_agent_sessions_total", "Connections that a collector welcomed.", number(stream.sessions));
  figures.counter("bulkhead_agent_sent_batches_total", "Batches sent, repeated ones too.", number(stream.sent_batches));
}

monitoring::Page page_of(const std::vector<std::string>& problems, bool healthy) {
  return {.healthy = healthy, .body = problems.empty() ? "ok\n" : absl::StrCat(absl::StrJoin(problems, "\n"), "\n")};
}

}  // namespace

absl::StatusOr<std::unique_ptr<Monitor>> Monitor::start(const std::string& address, const std::string& state_dir,
                                                        Sources sources) {
  const auto endpoint = net::parse(address);
  if (!endpoint.ok()) return endpoint.status();
  std::unique_ptr<Monitor> monitor(new Monitor(std::move(sources)));
  auto server =
      monitoring::HttpServer::start(*endpoint, {{"/metrics", [one = monitor.get()] { return one->metrics(); }},
                                                {"/healthz", [one = monitor.get()] { return one->health(); }},
                                                {"/readyz", [one = monitor.get()] { return one->readiness(); }}});
  if (!server.ok()) return server.status();
  monitor->server_ = *std::move(server);
  const auto written = monitor->address_file_.write(state_dir, "http.addr", monitor->server_->address().text());
  if (!written.ok()) return written;
  return monitor;
}

monitoring::Page Monitor::metrics() const {
  const v1::Health health = sources_.health();
  Figures figures;
  figures.gauge("bulkhead_agent_info", "1; the labels say what runs.", 1,
                {{"version", kVersion}, {"host", sources_.host_id}});
  add_probes(health, figures);
  add_hooks(sources_.coverage, figures);
  add_spool(sources_.spool(), figures);
  add_stream(sources_.stream(), figures);
  figures.gauge("bulkhead_agent_inventory_connected", "1 while libvirt answers.", health.inventory_connected() ? 1 : 0);
  figures.gauge("bulkhead_agent_policy_info", "1; the label is the policy's SHA-256, nothing for none.", 1,
                {{"sha256", health.policy_sha256()}});
  monitoring::add_process(figures);
  return monitoring::metrics_page(figures);
}

monitoring::Page Monitor::health() const {
  std::vector<std::string> problems;
  const spool::Statistics spool = sources_.spool();
  if (!spool.error.empty()) problems.push_back(absl::StrCat("events are being dropped: ", spool.error));
  const v1::Health health = sources_.health();
  if (!health.inventory_connected()) problems.push_back(absl::StrCat("no libvirt: ", health.inventory_error()));
  const stream::State stream = sources_.stream();
  if (!stream.connected && !stream.error.empty()) {
    problems.push_back(absl::StrCat("no collector; events wait in the spool: ", stream.error));
  }
  return page_of(problems, spool.error.empty());
}

monitoring::Page Monitor::readiness() const {
  const v1::Health health = sources_.health();
  if (health.inventory_connected()) return page_of({}, true);
  return page_of({absl::StrCat("nothing is watched before libvirt answers: ", health.inventory_error())}, false);
}

}  // namespace bulkhead
