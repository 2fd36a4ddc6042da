// bulkhead-agent's command line, and the configuration that comes of it and the file together.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/config/config.h"

namespace bulkhead::config {

enum class Command { kRun, kProbes, kInventory };
enum class Format { kTable, kJson };

// What is not set was not given.
struct CommandLine {
  Command command = Command::kRun;
  Format format = Format::kTable;
  bool help = false;
  bool version = false;
  bool check_config = false;
  std::string config_file;
  std::optional<std::string> collector;
  std::optional<std::string> state_dir;
  std::optional<std::string> libvirt_uri;
  std::optional<std::string> http;
  std::optional<std::string> log_level;
  bool allow_plaintext = false;
};

// Arguments without the program's name. InvalidArgument with one line that names the argument.
absl::StatusOr<CommandLine> parse_command_line(const std::vector<std::string>& arguments);

// For --help.
std::string usage();

// File (when one is named), then what the command line says over it, then the tenant mapping file, then validation;
// kRun also needs a collector. --check-config is this call and nothing else.
absl::StatusOr<Config> load_config(const CommandLine& command_line);

}  // namespace bulkhead::config
