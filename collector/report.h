// How the collector is: for `bulkheadctl status`, /healthz and /metrics.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "bulkhead/v1/query.pb.h"
#include "collector/alerts/stage.h"
#include "collector/api/http_server.h"
#include "collector/detect/rule_set.h"
#include "collector/directory/directory.h"
#include "collector/grants/grant_book.h"
#include "collector/ingest/ingest.h"
#include "collector/policy/history.h"
#include "collector/policy/source.h"
#include "collector/sinks/dispatcher.h"
#include "collector/store/rocksdb_store.h"

namespace bulkhead::collector {

std::uint32_t enabled_rules(const detect::RuleSet& rules);

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
    alerts::Silences& silences;
    grants::GrantBook& grants;
    const policy::PolicyHistory& policies;
    const policy::PolicySource& policy_source;
    // Those that are in force.
    std::function<std::shared_ptr<const detect::RuleSet>()> rules;
    // What else needs a person, a line each.
    std::function<std::vector<std::string>()> problems;
    std::string id;
    absl::Time started;
  };
  explicit Report(Sources sources) : sources_(std::move(sources)) {}

  v1::Status status() const;
  // 503 with the problems, a line each, when there are any.
  api::Page health() const;
  api::Page metrics() const;

 private:
  std::vector<std::string> policy_problems() const;

  const Sources sources_;
};

}  // namespace bulkhead::collector
