// The collector's figures for Prometheus. docs/monitoring.md describes them.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "bulkhead/v1/query.pb.h"
#include "collector/alerts/stage.h"
#include "collector/ingest/ingest.h"
#include "collector/sinks/dispatcher.h"
#include "monitoring/figures.h"

namespace bulkhead::collector {

void add_status(const v1::Status& status, monitoring::Figures& figures);
void add_ingest(const ingest::Statistics& ingest, monitoring::Figures& figures);
// Of each rule as well.
void add_detection(const alerts::StageStatistics& stage, monitoring::Figures& figures);
void add_sink_figures(const std::vector<sinks::SinkStatistics>& sinks, monitoring::Figures& figures);
// `hosts` are complete, with their stored counts. Probes are summed over hosts: a line for each of both would be too
// many.
void add_hosts(const std::vector<v1::Host>& hosts, const std::string& policy_sha256, monitoring::Figures& figures);

}  // namespace bulkhead::collector
