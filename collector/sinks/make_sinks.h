// From settings to sinks.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/sinks/dispatcher.h"
#include "collector/sinks/settings.h"

namespace bulkhead::sinks {

struct MadeSinks {
  std::vector<ConfiguredSink> sinks;
  // Names of those whose queue is to be forgotten.
  std::vector<std::string> dropped;
};

// Reads secrets and certificates; connects to nobody. kInvalidArgument: the sink and the file that cannot be used, or
// what contradicts itself.
absl::StatusOr<MadeSinks> make_sinks(const std::vector<SinkSettings>& settings);

}  // namespace bulkhead::sinks
