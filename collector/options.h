// What the collector is told: command line and configuration file, parsed into a plain structure and checked.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/sinks/settings.h"
#include "net/endpoint.h"

namespace bulkhead::collector {

struct Options {
  std::string data_dir;
  net::Endpoint listen;
  // Nothing: no HTTP.
  std::optional<net::Endpoint> http;
  // A file or a directory; empty: default_rules().
  std::string rules;
  // Empty: none.
  std::string policy;
  bool allow_plaintext = false;
  bool alerts_stdout = false;
  // Empty: none.
  std::string alerts_file;
  // With those that alerts_stdout and alerts_file stand for: "stdout" and "file".
  std::vector<sinks::SinkSettings> sinks;
};

struct Command {
  enum class Action { kRun, kCheckConfig, kHelp, kVersion };
  Action action = Action::kRun;
  Options options;
};

// Errors are kInvalidArgument: one line that names the flag, or the file and the line, and what was expected. The
// configuration file is read; flags go before it.
absl::StatusOr<Command> parse_command_line(const std::vector<std::string>& arguments);

std::string help_text();

}  // namespace bulkhead::collector
