#include "collector/sink_summaries.h"

#include "collector/report_sinks.h"

namespace bulkhead::collector {

std::vector<v1::SinkSummary> sink_summaries(const std::vector<sinks::SinkStatistics>& sinks) {
  v1::Status status;
  add_sinks(sinks, status);
  std::vector<v1::SinkSummary> summaries;
  for (int i = 0; i < status.sinks_size(); ++i) {
    const auto& from = sinks[static_cast<std::size_t>(i)];
    v1::SinkSummary& summary = summaries.emplace_back();
    *summary.mutable_status() = status.sinks(i);
    summary.set_dead_letters_kept(from.dead_letters_kept);
    summary.set_configured(from.configured);
    summary.set_connected(from.connected);
    summary.set_description(from.description);
  }
  return summaries;
}

}  // namespace bulkhead::collector
