// The collector: store, directory, detection, ingest, queries and monitoring, wired together.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "bulkhead/v1/control.pb.h"
#include "collector/detect/rule_set.h"
#include "collector/options.h"
#include "collector/policy/policy_file.h"

namespace bulkhead::collector {

// The rules that `options` name, or those that came with the collector: <exe>/../share/bulkhead/rules, or else the
// source tree's. kInvalidArgument with file and line.
absl::StatusOr<std::shared_ptr<const detect::RuleSet>> load_rules(const Options& options);

// The policy that `options` name, checked. kInvalidArgument with every error, a line each; nothing without one.
absl::StatusOr<std::optional<policy::PolicyFile>> load_policy(const Options& options);

// Thread safe.
class Collector {
 public:
  // Runs when this returns. Errors are one line: kInvalidArgument for rules and policy, kAlreadyExists for an address
  // in use, and those of store::Store::open and api::RpcServer::start.
  static absl::StatusOr<std::unique_ptr<Collector>> start(const Options& options);
  // Stops.
  ~Collector();

  // Stores and acknowledges what agents sent, then ends. Returns within about ten seconds. Safe to repeat.
  void stop();
  // SIGHUP: opens the files of sinks again, for log rotation, and reloads.
  void hang_up();

  // Reads rules and policy again. Refused as a whole, with everything that runs as it was: kInvalidArgument with every
  // error, a line each; it stays among the problems of the status until a reload is good. `by` says who asked, for the
  // log.
  absl::StatusOr<v1::ReloadResponse> reload(const std::string& by);

  // With the real ports.
  std::string listen_address() const;
  // Empty without HTTP.
  std::string http_address() const;

 private:
  class Implementation;
  explicit Collector(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace bulkhead::collector
