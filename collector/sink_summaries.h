// The sinks, as `bulkheadctl sinks` lists them.
#pragma once

#include <vector>

#include "bulkhead/v1/sink.pb.h"
#include "collector/sinks/dispatcher.h"

namespace bulkhead::collector {

std::vector<v1::SinkSummary> sink_summaries(const std::vector<sinks::SinkStatistics>& sinks);

}  // namespace bulkhead::collector
