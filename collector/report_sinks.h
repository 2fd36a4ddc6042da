// The sinks' part of the report.
#pragma once

#include <vector>

#include "bulkhead/v1/query.pb.h"
#include "collector/sinks/dispatcher.h"

namespace bulkhead::collector {

void add_sinks(const std::vector<sinks::SinkStatistics>& sinks, v1::Status& status);

}  // namespace bulkhead::collector
