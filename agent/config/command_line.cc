#include "agent/config/command_line.h"

#include <algorithm>
#include <boost/program_options.hpp>
#include <filesystem>
#include <sstream>

#include <fmt/format.h>

#include "agent/config/value_checks.h"
#include "agent/config/yaml_reader.h"
#include "text/nearest_name.h"

namespace bulkhead::config {
namespace {

namespace options = boost::program_options;

options::options_description visible_options() {
  options::options_description description("Options");
  const auto text = [](const char* name) { return options::value<std::string>()->value_name(name); };
  description.add_options()                                                            //
      ("collector", text("ADDRESS"), "host:port or unix:/path of the collector")       //
      ("state-dir", text("DIR"), "where the spool is kept (/var/lib/bulkhead-agent)")  //
      ("libvirt", text("URI"), "libvirt's address (qemu:///system)")                   //
      ("config", text("FILE"), "configuration; what stands here goes before it")       //
      ("check-config", "check the configuration and do nothing else")                  //
      ("http", text("ADDRESS"), "where to answer /metrics and /healthz (off)")         //
      ("log-level", text("LEVEL"), "trace, debug, info, warning or error")             //
      ("allow-plaintext", "accept a collector on another host without TLS")            //
      ("format", text("FORMAT"), "of probes and inventory: table or json (table)")     //
      ("version", "print the version")                                                 //
      ("help,h", "print this text");
  return description;
}

absl::Status unknown_option(const std::string& given) {
  static constexpr std::string_view kNames[] = {"--collector",    "--state-dir", "--libvirt",   "--config",
                                                "--check-config", "--http",      "--log-level", "--allow-plaintext",
                                                "--format",       "--version",   "--help"};
  return absl::InvalidArgumentError(
      fmt::format("unknown option '{}'{}", given.substr(0, 64), text::suggestion(given, kNames)));
}

absl::StatusOr<Command> to_command(const std::vector<std::string>& words) {
  static constexpr std::string_view kNames[] = {"probes", "inventory"};
  if (words.empty()) return Command::kRun;
  if (words.size() > 1)
    return absl::InvalidArgumentError(fmt::format("unexpected argument '{}'", words[1].substr(0, 64)));
  if (words[0] == "probes") return Command::kProbes;
  if (words[0] == "inventory") return Command::kInventory;
  return absl::InvalidArgumentError(
      fmt::format("unknown command '{}'{}", words[0].substr(0, 64), text::suggestion(words[0], kNames)));
}

absl::StatusOr<Format> to_format(const std::string& word) {
  static constexpr std::string_view kNames[] = {"table", "json"};
  if (word == "table") return Format::kTable;
  if (word == "json") return Format::kJson;
  return absl::InvalidArgumentError(
      fmt::format("--format: unknown value '{}'{}", word.substr(0, 64), text::suggestion(word, kNames)));
}

absl::StatusOr<CommandLine> from_variables(const options::variables_map& given) {
  CommandLine result;
  const auto take = [&given](const char* name, std::optional<std::string>& target) {
    if (given.count(name) > 0) target = given[name].as<std::string>();
  };
  take("collector", result.collector);
  take("state-dir", result.state_dir);
  take("libvirt", result.libvirt_uri);
  take("http", result.http);
  take("log-level", result.log_level);
  if (given.count("config") > 0) result.config_file = given["config"].as<std::string>();
  result.help = given.count("help") > 0;
  result.version = given.count("version") > 0;
  result.check_config = given.count("check-config") > 0;
  result.allow_plaintext = given.count("allow-plaintext") > 0;
  const bool has_words = given.count("command") > 0;
  auto command = to_command(has_words ? given["command"].as<std::vector<std::string>>() : std::vector<std::string>());
  if (!command.ok()) return command.status();
  result.command = *command;
  if (given.count("format") > 0) {
    auto format = to_format(given["format"].as<std::string>());
    if (!format.ok()) return format.status();
    result.format = *format;
  }
  return result;
}

// What the command line says goes over the file's word.
absl::Status apply(const CommandLine& command_line, Config& config) {
  if (command_line.collector) {
    if (auto status = check_collector(*command_line.collector); !status.ok()) {
      return absl::InvalidArgumentError(fmt::format("--collector: {}", std::string(status.message())));
    }
    config.collector = *command_line.collector;
  }
  if (command_line.http) {
    if (auto status = check_http(*command_line.http); !status.ok()) {
      return absl::InvalidArgumentError(fmt::format("--http: {}", std::string(status.message())));
    }
    config.http = *command_line.http == "off" ? "" : *command_line.http;
  }
  if (command_line.state_dir) config.state_dir = *command_line.state_dir;
  if (command_line.libvirt_uri) config.libvirt.uri = *command_line.libvirt_uri;
  if (command_line.allow_plaintext) config.allow_plaintext = true;
  if (command_line.log_level) {
    const auto found = std::find(kLogLevels.begin(), kLogLevels.end(), *command_line.log_level);
    if (found == kLogLevels.end()) {
      return absl::InvalidArgumentError(fmt::format("--log-level: unknown value '{}'{}",
                                                    command_line.log_level->substr(0, 64),
                                                    text::suggestion(*command_line.log_level, kLogLevels)));
    }
    config.log_level = static_cast<LogLevel>(found - kLogLevels.begin());
  }
  return absl::OkStatus();
}

// A relative folder on the command line means one under the folder where the command is given.
std::string absolute(const std::string& path) {
  if (path.empty()) return path;
  return std::filesystem::absolute(path).lexically_normal().string();
}

}  // namespace

absl::StatusOr<CommandLine> parse_command_line(const std::vector<std::string>& arguments) {
  try {
    options::options_description all = visible_options();
    all.add_options()("command", options::value<std::vector<std::string>>());
    options::positional_options_description positional;
    positional.add("command", -1);
    // No guessing: an abbreviation that is unique today need not be so tomorrow.
    const int style = options::command_line_style::default_style & ~options::command_line_style::allow_guessing;
    options::variables_map given;
    options::store(options::command_line_parser(arguments).options(all).positional(positional).style(style).run(),
                   given);
    options::notify(given);
    return from_variables(given);
  } catch (const options::unknown_option& error) {
    return unknown_option(error.get_option_name());
  } catch (const std::exception& error) {
    return absl::InvalidArgumentError(error.what());
  }
}

std::string usage() {
  std::ostringstream text;
  text << "usage: bulkhead-agent --collector ADDRESS [options]   watch this host\n"
          "       bulkhead-agent probes [--format table|json]    what this kernel lets us see, probe by probe\n"
          "       bulkhead-agent inventory [--format table|json] domains, tenants, VMM pids, volumes and ports\n\n"
       << visible_options();
  return text.str();
}

absl::StatusOr<Config> load_config(const CommandLine& command_line) {
  Config config = default_config();
  if (!command_line.config_file.empty()) {
    auto text = read_text_file(command_line.config_file);
    if (!text.ok()) return text.status();
    auto parsed = parse_config(*text, command_line.config_file);
    if (!parsed.ok()) return parsed.status();
    config = *std::move(parsed);
  }
  if (auto status = apply(command_line, config); !status.ok()) return status;
  if (command_line.state_dir) config.state_dir = absolute(config.state_dir);
  if (!config.tenants.file.empty()) {
    auto rules = load_tenant_rules(config.tenants.file);
    if (!rules.ok()) return rules.status();
    config.tenants.rules = *std::move(rules);
  }
  if (auto status = validate(config); !status.ok()) return status;
  if (command_line.command == Command::kRun && config.collector.empty()) {
    return absl::InvalidArgumentError(
        "no collector: give --collector HOST:PORT, or the key 'collector' in the configuration file");
  }
  return config;
}

}  // namespace bulkhead::config
