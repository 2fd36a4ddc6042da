#include "collector/report_sinks.h"

#include <cstdint>
#include <functional>

namespace bulkhead::collector {

namespace {

using sinks::SinkStatistics;

struct Figure {
  const char* name;
  const char* help;
  bool counter;
  std::function<std::uint64_t(const SinkStatistics&)> value;
};

const std::vector<Figure>& figures() {
  static const std::vector<Figure> figures = {
      {"bulkhead_sink_waiting_alerts", "Alerts on disk that the sink has not confirmed yet.", false,
       [](const SinkStatistics& one) { return one.waiting; }},
      {"bulkhead_sink_oldest_waiting_seconds", "How long the oldest of them waits.", false,
       [](const SinkStatistics& one) { return static_cast<std::uint64_t>(one.oldest_waiting.count()); }},
      {"bulkhead_sink_connected", "1 when the sink took what it was given last.", false,
       [](const SinkStatistics& one) { return std::uint64_t{one.connected}; }},
      {"bulkhead_sink_delivered_alerts_total", "Alerts that the sink confirmed.", true,
       [](const SinkStatistics& one) { return one.delivered; }},
      {"bulkhead_sink_retries_total", "Attempts that failed and are repeated.", true,
       [](const SinkStatistics& one) { return one.retries; }},
      {"bulkhead_sink_dead_letters_total",
       "Alerts that will not be delivered, since the store began: refused for good, or pushed out of a full queue.",
       true, [](const SinkStatistics& one) { return one.dead_letters; }},
  };
  return figures;
}

}  // namespace

void add_sinks(const std::vector<SinkStatistics>& sinks, v1::Status& status) {
  for (const auto& one : sinks) {
    v1::SinkStatus& to = *status.add_sinks();
    to.set_name(one.name);
    to.set_waiting(one.waiting);
    to.set_delivered(one.delivered);
    to.set_retries(one.retries);
    to.set_dead_letters(one.dead_letters);
    to.set_oldest_waiting_seconds(static_cast<std::uint64_t>(one.oldest_waiting.count()));
    to.set_problem(one.problem);
  }
}

std::vector<api::LabelledMetric> sink_metrics(const std::vector<SinkStatistics>& sinks) {
  std::vector<api::LabelledMetric> metrics;
  for (const Figure& figure : figures()) {
    api::LabelledMetric metric{
        .name = figure.name, .help = figure.help, .counter = figure.counter, .label = "sink", .values = {}};
    for (const auto& one : sinks) metric.values.emplace_back(one.name, figure.value(one));
    metrics.push_back(std::move(metric));
  }
  return metrics;
}

}  // namespace bulkhead::collector
