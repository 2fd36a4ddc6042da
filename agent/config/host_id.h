// The name that a host keeps for the life of its installation.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "agent/config/config.h"

namespace bulkhead::config {

// config.host_id; else the machine id; else one that is made up now and kept in <state_dir>/host_id. A machine id that
// is empty or "uninitialized" (an image that was never booted) does not count. Creates state_dir when it has to write.
// Error: the file and cause when none could be had.
absl::StatusOr<std::string> resolve_host_id(const Config& config,
                                            const std::string& machine_id_file = "/etc/machine-id");

}  // namespace bulkhead::config
