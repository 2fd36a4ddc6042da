#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <exception>

#include "collector/collector.h"
#include "collector/sinks/make_sinks.h"
#include "collector/version.h"

namespace {

using bulkhead::collector::Collector;
using bulkhead::collector::Command;

enum ExitStatus { kDone = 0, kAnswerIsNo = 1, kInvalid = 2, kNoPrivilege = 4 };

int fail(const absl::Status& status, int exit_status) {
  std::fprintf(stderr, "bulkhead-collector: %s\n", std::string(status.message()).c_str());
  return absl::IsPermissionDenied(status) ? kNoPrivilege : exit_status;
}

int check_config(const Command& command) {
  const auto rules = bulkhead::collector::load_rules(command.options);
  if (!rules.ok()) return fail(rules.status(), kAnswerIsNo);
  const auto policy = bulkhead::collector::load_policy(command.options);
  if (!policy.ok()) return fail(policy.status(), kAnswerIsNo);
  const auto sinks = bulkhead::sinks::make_sinks(command.options.sinks);
  if (!sinks.ok()) return fail(sinks.status(), kAnswerIsNo);
  std::fprintf(stderr, "bulkhead-collector: the configuration is good; %zu rules, %zu sinks\n",
               (*rules)->rules().size(), sinks->sinks.size());
  return kDone;
}

int run(const Command& command) {
  // Before any thread starts: the collector's threads inherit what is blocked, and signals come here only.
  boost::asio::io_context loop(1);
  boost::asio::signal_set stops(loop, SIGTERM, SIGINT);
  boost::asio::signal_set reopens(loop, SIGHUP);
  std::signal(SIGPIPE, SIG_IGN);

  auto collector = Collector::start(command.options);
  if (!collector.ok()) return fail(collector.status(), kInvalid);
  if (!(*collector)->http_address().empty()) spdlog::info("HTTP on {}", (*collector)->http_address());
  spdlog::info("listening on {}", (*collector)->listen_address());

  stops.async_wait([&](const boost::system::error_code&, int) { loop.stop(); });
  std::function<void()> wait_for_reopen = [&] {
    reopens.async_wait([&](const boost::system::error_code& error, int) {
      if (error) return;
      (*collector)->hang_up();
      wait_for_reopen();
    });
  };
  wait_for_reopen();
  loop.run();
  spdlog::info("stopping");
  (*collector)->stop();
  spdlog::info("stopped");
  return kDone;
}

int act(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  const bool checks = std::find(arguments.begin(), arguments.end(), "--check-config") != arguments.end();
  const auto command = bulkhead::collector::parse_command_line(arguments);
  if (!command.ok()) return fail(command.status(), checks ? kAnswerIsNo : kInvalid);
  switch (command->action) {
    case Command::Action::kHelp:
      std::printf("%s", bulkhead::collector::help_text().c_str());
      return kDone;
    case Command::Action::kVersion:
      std::printf("bulkhead-collector %s\n", bulkhead::collector::kVersion);
      return kDone;
    case Command::Action::kCheckConfig:
      return check_config(*command);
    case Command::Action::kRun:
      return run(*command);
  }
  return kInvalid;
}

}  // namespace

int main(int argc, char** argv) {
  // stdout is for alerts alone.
  spdlog::set_default_logger(spdlog::stderr_logger_mt("collector"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
  try {
    return act(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bulkhead-collector: %s\n", error.what());
    return kInvalid;
  }
}
