// The stages of the agent, wired together.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/config/config.h"
#include "bulkhead/v1/host.pb.h"

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

// For `bulkhead-agent probes`: what this kernel lets us see. Loads, attaches, and lets go again.
absl::StatusOr<v1::Coverage> survey_probes(const config::Config& config);

// For `bulkhead-agent inventory`: the host's domains as the agent sees them. Unavailable when libvirt does not answer
// within a few seconds.
absl::StatusOr<v1::Inventory> survey_inventory(const config::Config& config);

}  // namespace bulkhead
