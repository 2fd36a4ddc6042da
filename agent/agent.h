// The stages of the agent, wired together.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/config/config.h"

namespace bulkhead {

class Agent {
 public:
  // Everything is loaded, attached and open, or nothing is. PermissionDenied and FailedPrecondition: privilege or
  // kernel support is missing. InvalidArgument: the state directory or an option.
  static absl::StatusOr<std::unique_ptr<Agent>> create(const config::Config& config);
  ~Agent();
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  // Until SIGINT or SIGTERM; then hands over what is on its way, for a few seconds at most.
  void run();

 private:
  class Impl;
  explicit Agent(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace bulkhead
