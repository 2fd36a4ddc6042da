// The collector's configuration file: YAML with the names of the flags.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/sinks/settings.h"

namespace bulkhead::collector {

// What the file says; what it does not say is empty.
struct ConfigFile {
  std::optional<std::string> data_dir;
  std::optional<std::string> listen;
  std::optional<std::string> http;
  std::optional<std::string> rules_dir;
  std::optional<std::string> policy;
  std::optional<bool> allow_plaintext;
  std::optional<bool> alerts_stdout;
  std::optional<std::string> alerts_file;
  std::vector<sinks::SinkSettings> sinks;
};

// kInvalidArgument: "file:line: what is wrong", with the nearest known key for an unknown one, if one is near.
absl::StatusOr<ConfigFile> read_config_file(const std::string& path);

}  // namespace bulkhead::collector
