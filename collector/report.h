// How the collector is: for `bulkheadctl status`, /healthz and /metrics.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "bulkhead/v1/query.pb.h"
#include "collector/alerts/stage.h"
#include "collector/api/http_server.h"
#include "collector/detect/rule_set.h"
#include "collector/directory/directory.h"
#include "collector/ingest/ingest.h"
#include "collector/sinks/dispatcher.h"
#include "collector/store/rocksdb_store.h"

namespace bulkhead::collector {

// Thread safe.
class Report {
 public:
  // All that is referred to outlives the report.
  struct Sources {
    store::Store& store;
    directory::Directory& directory;
    alerts::DetectionStage& stage;
    sinks::Dispatcher& sinks;
    ingest::Ingest& ingest;
    const detect::RuleSet& rules;
    std::string id;
    absl::Time started;
  };
  explicit Report(Sources sources) : sources_(std::move(sources)) {}

  v1::Status status() const;
  // 503 with the problems, a line each, when there are any.
  api::Page health() const;
  api::Page metrics() const;

 private:
  const Sources sources_;
};

}  // namespace bulkhead::collector
