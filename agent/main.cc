#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "agent/config/command_line.h"
#include "agent/report/report.h"
#include "agent/survey.h"
#include "agent/version.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace bulkhead {
namespace {

// The exit statuses that every program of Bulkhead uses (ARCHITECTURE.md).
int exit_status(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return 0;
    case absl::StatusCode::kInvalidArgument:
      return 2;
    case absl::StatusCode::kUnavailable:
      return 3;
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kFailedPrecondition:
      return 4;
    default:
      return 1;
  }
}

int fail(const absl::Status& status) {
  std::cerr << "bulkhead-agent: " << status.message() << '\n';
  return exit_status(status);
}

spdlog::level::level_enum level_of(config::LogLevel level) {
  switch (level) {
    case config::LogLevel::kTrace:
      return spdlog::level::trace;
    case config::LogLevel::kDebug:
      return spdlog::level::debug;
    case config::LogLevel::kInfo:
      return spdlog::level::info;
    case config::LogLevel::kWarning:
      return spdlog::level::warn;
    case config::LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

template <typename Answer>
int print(const absl::StatusOr<Answer>& answer, config::Format format) {
  if (!answer.ok()) return fail(answer.status());
  if (format == config::Format::kTable) {
    report::print_table(*answer, std::cout);
    return 0;
  }
  const absl::Status printed = report::print_json(*answer, std::cout);
  return printed.ok() ? 0 : fail(printed);
}

int run(const config::Config& config) {
  absl::StatusOr<std::unique_ptr<Agent>> agent = Agent::create(config);
  if (!agent.ok()) return fail(agent.status());
  (*agent)->run();
  return 0;
}

int execute(const config::CommandLine& command_line) {
  if (command_line.help) {
    std::cout << config::usage();
    return 0;
  }
  if (command_line.version) {
    std::cout << "bulkhead-agent " << kVersion << '\n';
    return 0;
  }
  const absl::StatusOr<config::Config> config = config::load_config(command_line);
  if (!config.ok()) {
    const int status = fail(config.status());
    return command_line.check_config ? 1 : status;  // it was checked, and the answer is no
  }
  if (command_line.check_config) {
    std::cout << "the configuration is valid\n";
    return 0;
  }
  spdlog::set_default_logger(spdlog::stderr_logger_mt("bulkhead-agent"));
  spdlog::set_level(level_of(config->log_level));
  switch (command_line.command) {
    case config::Command::kRun:
      return run(*config);
    case config::Command::kProbes:
      return print(survey_probes(*config), command_line.format);
    case config::Command::kInventory:
      return print(survey_inventory(*config), command_line.format);
  }
  return 2;
}

}  // namespace
}  // namespace bulkhead

int main(int argc, char** argv) {
  const absl::StatusOr<bulkhead::config::CommandLine> command_line =
      bulkhead::config::parse_command_line(std::vector<std::string>(argv + 1, argv + argc));
  if (!command_line.ok()) {
    std::cerr << "bulkhead-agent: " << command_line.status().message() << "; see bulkhead-agent --help\n";
    return 2;
  }
  return bulkhead::execute(*command_line);
}
