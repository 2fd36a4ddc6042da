#include "collector/api/metrics.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace bulkhead::api {

namespace {

std::string label(const std::string& value) {
  return absl::StrReplaceAll(value, {{"\\", "\\\\"}, {"\"", "\\\""}, {"\n", "\\n"}});
}

void header(std::string& text, const std::string& name, const std::string& help, bool counter) {
  absl::StrAppend(&text, "# HELP ", name, " ", help, "\n# TYPE ", name, counter ? " counter\n" : " gauge\n");
}

// The loss identity, summed over hosts: one line a probe and a place.
void loss_identity(std::string& text, const std::vector<v1::Host>& hosts) {
  std::map<std::pair<std::string, std::string>, std::uint64_t> sums;
  for (const auto& host : hosts) {
    for (const auto& counters : host.health().counters()) {
      const std::string probe = v1::Probe_Name(counters.probe());
      sums[{probe, "seen"}] += counters.seen();
      sums[{probe, "suppressed"}] += counters.suppressed();
      sums[{probe, "coalesced"}] += counters.coalesced();
      sums[{probe, "emitted"}] += counters.emitted();
      sums[{probe, "lost"}] += counters.lost();
      sums[{probe, "decoded"}] += counters.decoded();
      sums[{probe, "spooled"}] += counters.spooled();
    }
    for (const auto& stored : host.stored()) sums[{v1::Probe_Name(stored.probe()), "stored"}] += stored.count();
  }
  header(text, "bulkhead_probe_records",
         "Records by probe and by how far they came; seen to spooled since the agents "
         "started, stored since the hosts booted.",
         false);
  for (const auto& [key, value] : sums) {
    absl::StrAppend(&text, "bulkhead_probe_records{probe=\"", label(key.first), "\",stage=\"", key.second, "\"} ",
                    value, "\n");
  }
}

template <typename Value>
void by_host(std::string& text, const std::vector<v1::Host>& hosts, const std::string& name, const std::string& help,
             Value value) {
  header(text, name, help, false);
  for (const auto& host : hosts) {
    absl::StrAppend(&text, name, "{host=\"", label(host.host_id()), "\",hostname=\"", label(host.hostname()), "\"} ",
                    value(host), "\n");
  }
}

}  // namespace

std::string metrics_text(const std::vector<Metric>& metrics, const std::vector<v1::Host>& hosts,
                         const std::vector<LabelledMetric>& labelled) {
  std::string text;
  for (const auto& metric : metrics) {
    header(text, metric.name, metric.help, metric.counter);
    absl::StrAppend(&text, metric.name, " ", metric.value, "\n");
  }
  for (const auto& metric : labelled) {
    if (metric.values.empty()) continue;
    header(text, metric.name, metric.help, metric.counter);
    for (const auto& [name, value] : metric.values) {
      absl::StrAppend(&text, metric.name, "{", metric.label, "=\"", label(name), "\"} ", value, "\n");
    }
  }
  loss_identity(text, hosts);
  by_host(text, hosts, "bulkhead_host_connected", "1 while the host's agent is connected.",
          [](const v1::Host& host) { return host.connected() ? 1 : 0; });
  by_host(text, hosts, "bulkhead_host_last_seen_timestamp_seconds", "When the host's agent was heard last.",
          [](const v1::Host& host) { return host.last_seen().seconds(); });
  by_host(text, hosts, "bulkhead_host_probes_attached", "Hooks that are attached on the host.",
          [](const v1::Host& host) {
            std::uint64_t attached = 0;
            for (const auto& probe : host.coverage().probes()) attached += probe.state() == v1::PROBE_STATE_ATTACHED;
            return attached;
          });
  by_host(text, hosts, "bulkhead_host_probes_missing", "Hooks that could not be attached on the host.",
          [](const v1::Host& host) {
            std::uint64_t missing = 0;
            for (const auto& probe : host.coverage().probes()) missing += probe.state() != v1::PROBE_STATE_ATTACHED;
            return missing;
          });
  by_host(text, hosts, "bulkhead_host_missing_events", "Events of the host that the collector will never have.",
          [](const v1::Host& host) { return host.missing_events(); });
  return text;
}

}  // namespace bulkhead::api
