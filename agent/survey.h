// One look at the host, for the commands that only print.
#pragma once

#include "absl/status/statusor.h"
#include "agent/config/config.h"
#include "bulkhead/v1/host.pb.h"

namespace bulkhead {

// For `bulkhead-agent probes`: what this kernel lets us see. Loads, attaches, and lets go again.
absl::StatusOr<v1::Coverage> survey_probes(const config::Config& config);

// For `bulkhead-agent inventory`: the host's domains as the agent sees them. Unavailable when libvirt does not answer
// within a few seconds.
absl::StatusOr<v1::Inventory> survey_inventory(const config::Config& config);

}  // namespace bulkhead
