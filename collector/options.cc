#include "collector/options.h"

#include <algorithm>
#include <boost/program_options.hpp>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "collector/config_file.h"

namespace bulkhead::collector {

namespace {

namespace po = boost::program_options;

constexpr char kDefaultListen[] = "127.0.0.1:7400";
constexpr char kDefaultHttp[] = "127.0.0.1:7480";

po::options_description description() {
  po::options_description flags("Options", 110);
  auto add = flags.add_options();
  add("data-dir", po::value<std::string>()->value_name("DIR"), "where events and alerts are kept (required)");
  add("listen", po::value<std::string>()->value_name("ADDR"),
      "for agents and bulkheadctl: HOST:PORT or unix:/PATH (default 127.0.0.1:7400)");
  add("http", po::value<std::string>()->value_name("ADDR"),
      "for /metrics, /healthz and /readyz: HOST:PORT, or 'off' (default 127.0.0.1:7480)");
  add("config", po::value<std::string>()->value_name("FILE"), "YAML file with the same settings; flags go before it");
  add("check-config", "read the configuration, the rules and the policy, say what is wrong, and exit");
  add("rules", po::value<std::string>()->value_name("DIR"), "rule files (default: those that came with the collector)");
  add("policy", po::value<std::string>()->value_name("FILE"), "policy: tenants, trusted services, shared networks");
  add("alerts-stdout", "print alerts as OCSF JSON lines");
  add("alerts-file", po::value<std::string>()->value_name("FILE"), "append alerts as OCSF JSON lines to a file");
  add("allow-plaintext", "listen on addresses that other machines reach, without encryption");
  add("version", "print the version and exit");
  add("help,h", "print this text and exit");
  return flags;
}

std::string pick(const po::variables_map& flags, const char* flag, const std::optional<std::string>& config,
                 const char* otherwise) {
  if (flags.count(flag) != 0) return flags[flag].as<std::string>();
  return config.value_or(otherwise);
}

// --alerts-stdout and --alerts-file are short for these.
absl::Status add_line_sinks(Options& options) {
  if (options.alerts_stdout) {
    options.sinks.push_back({.name = "stdout", .filter = {}, .retry = {}, .target = sinks::StdoutTarget{}});
  }
  if (!options.alerts_file.empty()) {
    options.sinks.push_back(
        {.name = "file", .filter = {}, .retry = {}, .target = sinks::FileTarget{options.alerts_file}});
  }
  for (const char* name : {"stdout", "file"}) {
    const auto named = std::ranges::count(options.sinks, name, &sinks::SinkSettings::name);
    if (named > 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("a sink is named '", name, "', which stands for --alerts-", name, " (alerts.", name, ")"));
    }
  }
  return absl::OkStatus();
}

absl::Status fill(const po::variables_map& flags, const ConfigFile& config, Options& options) {
  options.data_dir = pick(flags, "data-dir", config.data_dir, "");
  options.rules = pick(flags, "rules", config.rules_dir, "");
  options.policy = pick(flags, "policy", config.policy, "");
  options.alerts_file = pick(flags, "alerts-file", config.alerts_file, "");
  options.alerts_stdout = flags.count("alerts-stdout") != 0 || config.alerts_stdout.value_or(false);
  options.sinks = config.sinks;
  if (auto status = add_line_sinks(options); !status.ok()) return status;
  options.allow_plaintext = flags.count("allow-plaintext") != 0 || config.allow_plaintext.value_or(false);

  auto listen = net::parse(pick(flags, "listen", config.listen, kDefaultListen));
  if (!listen.ok()) return absl::InvalidArgumentError(absl::StrCat("--listen: ", listen.status().message()));
  options.listen = *std::move(listen);
  if (auto status = net::check_plaintext(options.listen, options.allow_plaintext); !status.ok()) return status;

  const std::string http = pick(flags, "http", config.http, kDefaultHttp);
  if (http == "off") return absl::OkStatus();
  auto address = net::parse(http);
  if (!address.ok()) return absl::InvalidArgumentError(absl::StrCat("--http: ", address.status().message()));
  if (address->is_unix()) return absl::InvalidArgumentError("--http: must be HOST:PORT or 'off'");
  options.http = *std::move(address);
  return net::check_plaintext(*options.http, options.allow_plaintext);
}

}  // namespace

absl::StatusOr<Command> parse_command_line(const std::vector<std::string>& arguments) {
  po::variables_map flags;
  try {
    po::store(po::command_line_parser(arguments)
                  .options(description())
                  .positional(po::positional_options_description())
                  .style(po::command_line_style::unix_style & ~po::command_line_style::allow_guessing)
                  .run(),
              flags);
  } catch (const po::error& error) {
    return absl::InvalidArgumentError(absl::StrCat(error.what(), "; see --help"));
  }
  Command command;
  if (flags.count("help") != 0) {
    command.action = Command::Action::kHelp;
    return command;
  }
  if (flags.count("version") != 0) {
    command.action = Command::Action::kVersion;
    return command;
  }
  if (flags.count("check-config") != 0) command.action = Command::Action::kCheckConfig;
  ConfigFile config;
  if (flags.count("config") != 0) {
    auto read = read_config_file(flags["config"].as<std::string>());
    if (!read.ok()) return read.status();
    config = *std::move(read);
  }
  if (auto status = fill(flags, config, command.options); !status.ok()) return status;
  if (command.action == Command::Action::kRun && command.options.data_dir.empty()) {
    return absl::InvalidArgumentError("--data-dir is missing: where shall events be kept? see --help");
  }
  return command;
}

std::string help_text() {
  std::ostringstream text;
  text << "usage: bulkhead-collector --data-dir DIR [--listen 127.0.0.1:7400] [--http 127.0.0.1:7480] [--config F]\n"
          "                          [--check-config]\n\n"
          "Takes events from Bulkhead's agents, keeps them, and raises alerts. Logs go to stderr.\n\n"
       << description()
       << "\nConfiguration file: data_dir, listen, http, rules_dir, policy, allow_plaintext, alerts: {stdout, file},\n"
          "and sinks, a list of where else alerts go.\n"
          "SIGTERM and SIGINT stop it in order; SIGHUP reopens the alerts' file and reads rules and policy\n"
          "again: bad ones are refused, and those in force stay.\n"
          "With port 0 the real address is in <data-dir>/listen.addr (and http.addr) while it runs.\n\n"
          "Exit status: 0 stopped in order, or the configuration is good; 1 --check-config found errors; 2 wrong "
          "usage,\n"
          "invalid configuration, rules, policy or data, or an address in use; 4 missing privilege.\n";
  return text.str();
}

}  // namespace bulkhead::collector
