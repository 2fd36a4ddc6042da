#include "collector/report_sinks.h"

#include <cstdint>

namespace bulkhead::collector {

void add_sinks(const std::vector<sinks::SinkStatistics>& sinks, v1::Status& status) {
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

}  // namespace bulkhead::collector
