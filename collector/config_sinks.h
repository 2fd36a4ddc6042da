// The list `sinks` of the collector's configuration (docs/sinks.md).
#pragma once

#include <yaml-cpp/yaml.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/sinks/settings.h"

namespace bulkhead::collector {

// kInvalidArgument: "file:line: what is wrong". Files that it names are not read.
absl::StatusOr<std::vector<sinks::SinkSettings>> read_sinks(const std::string& file, const YAML::Node& node);

}  // namespace bulkhead::collector
