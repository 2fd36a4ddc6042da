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
#include "collector/detect/rule_set.h"
#include "collector/directory/directory.h"
#include "collector/grants/grant_book.h"
#include "collector/ingest/ingest.h"
#include "collector/policy/history.h"
#include "collector/policy/source.h"
#include "collector/sinks/dispatcher.h"
#include "collector/store/rocksdb_store.h"
#include "monitoring/http_server.h"

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
  // "ok", or what needs a person, a line each; 503 when events are not stored or not judged.
  monitoring::Page health() const;
  // 503 with the reasons while agents' events cannot be taken and judged.
  monitoring::Page readiness() const;
  monitoring::Page metrics() const;

 private:
  std::vector<std::string> policy_problems() const;
  // Why events are not stored or not judged.
  std::vector<std::string> standing_still() const;

  const Sources sources_;
};

}  // namespace bulkhead::collector
