#include "collector/ctl/arguments.h"

#include <algorithm>
#include <array>
#include <boost/program_options.hpp>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "collector/ctl/time_spec.h"

namespace bulkhead::ctl {

namespace {

namespace po = boost::program_options;

struct CommandInfo {
  const char* name;
  Action action;
  // Flags beyond those that all take, separated by spaces.
  const char* flags;
  const char* help;
};

constexpr std::array<CommandInfo, 7> kCommands = {{
    {"hosts", Action::kHosts, "host probes", "hosts, whether their agents are there, what they can see, what was lost"},
    {"tenants", Action::kTenants, "tenant", "tenants of all hosts' domains, with their alerts"},
    {"events", Action::kEvents, "since until tenant host follow limit", "observed accesses, oldest first"},
    {"alerts", Action::kAlerts, "since until tenant host rule follow limit", "alerts, oldest first"},
    {"rules", Action::kRules, "", "'rules fields', or 'list', 'check' or 'test' of rule files; asks no collector"},
    {"status", Action::kStatus, "", "how the collector is"},
    {"completion", Action::kCompletion, "", "'completion bash' prints a script for bash's completion"},
}};

po::options_description description() {
  po::options_description flags("Options", 110);
  auto add = flags.add_options();
  add("collector", po::value<std::string>()->value_name("ADDR")->default_value("127.0.0.1:7400"),
      "HOST:PORT or unix:/PATH");
  add("allow-plaintext", "talk without encryption to a collector on another machine");
  add("format", po::value<std::string>()->value_name("FORMAT")->default_value("table"),
      "table, or json: one object a line, with protobuf's JSON names; alerts as OCSF");
  add("since", po::value<std::string>()->value_name("TIME"), "not before (RFC 3339; 15m, 2h, 7d ago; epoch seconds)");
  add("until", po::value<std::string>()->value_name("TIME"), "not after");
  add("tenant", po::value<std::string>()->value_name("TENANT"), "of the actor or of the object");
  add("host", po::value<std::string>()->value_name("HOST"), "host id or hostname");
  add("rule", po::value<std::string>()->value_name("RULE"), "such as MEM-01");
  add("follow", "go on with what is new until interrupted");
  add("limit", po::value<std::string>()->value_name("N"), "the newest N only");
  add("probes", "of each host, every probe: mechanism, and why it is missing");
  add("version", "print the version and exit");
  add("help,h", "print this text and exit");
  return flags;
}

// Of `rules`; all but the first take paths.
constexpr std::array<const char*, 4> kRulesWords = {"fields", "list", "check", "test"};

absl::Status check_rules_words(const std::vector<std::string>& words) {
  const std::string known = absl::StrJoin(kRulesWords, ", ");
  if (words.size() < 2) return absl::InvalidArgumentError(absl::StrCat("rules: expected one of ", known));
  if (std::find(kRulesWords.begin(), kRulesWords.end(), words[1]) == kRulesWords.end()) {
    return absl::InvalidArgumentError(absl::StrCat("rules: unknown word '", words[1], "'; expected one of ", known));
  }
  if (words[1] == kRulesWords[0] && words.size() > 2) {
    return absl::InvalidArgumentError(absl::StrCat("unexpected argument '", words[2], "' after rules fields"));
  }
  return absl::OkStatus();
}

absl::StatusOr<const CommandInfo*> find_command(const po::variables_map& flags) {
  const auto words =
      flags.count("words") != 0 ? flags["words"].as<std::vector<std::string>>() : std::vector<std::string>();
  const auto known = absl::StrJoin(kCommands, ", ", [](std::string* out, const auto& c) { out->append(c.name); });
  if (words.empty()) return absl::InvalidArgumentError(absl::StrCat("no command; the commands are ", known));
  const auto found =
      std::find_if(kCommands.begin(), kCommands.end(), [&](const auto& c) { return c.name == words[0]; });
  if (found == kCommands.end()) {
    return absl::InvalidArgumentError(absl::StrCat("unknown command '", words[0], "'; the commands are ", known));
  }
  if (found->action == Action::kCompletion) {
    if (words.size() == 2 && words[1] == "bash") return &*found;
    return absl::InvalidArgumentError("completion: expected 'completion bash'");
  }
  if (found->action == Action::kRules) {
    if (auto status = check_rules_words(words); !status.ok()) return status;
    return &*found;
  }
  if (words.size() > 1) {
    return absl::InvalidArgumentError(absl::StrCat("unexpected argument '", words[1], "' after ", words[0]));
  }
  return &*found;
}

absl::Status check_flags(const CommandInfo& command, const po::variables_map& flags) {
  const std::vector<std::string> own = absl::StrSplit(command.flags, ' ');
  for (const char* flag : {"since", "until", "tenant", "host", "rule", "follow", "limit", "probes"}) {
    if (flags.count(flag) != 0 && std::find(own.begin(), own.end(), flag) == own.end()) {
      return absl::InvalidArgumentError(absl::StrCat(command.name, " does not take --", flag));
    }
  }
  return absl::OkStatus();
}

absl::Status fill_time(const po::variables_map& flags, const char* flag, absl::Time now,
                       google::protobuf::Timestamp* (v1::Filter::*field)(), v1::Filter& filter) {
  if (flags.count(flag) == 0) return absl::OkStatus();
  const auto time = parse_time(flags[flag].as<std::string>(), now);
  if (!time.ok()) return absl::InvalidArgumentError(absl::StrCat("--", flag, ": ", time.status().message()));
  auto* to = (filter.*field)();
  to->set_seconds(absl::ToUnixSeconds(*time));
  to->set_nanos(
      static_cast<std::int32_t>(absl::ToInt64Nanoseconds(*time - absl::FromUnixSeconds(absl::ToUnixSeconds(*time)))));
  return absl::OkStatus();
}

absl::Status fill_filter(const po::variables_map& flags, absl::Time now, Arguments& arguments) {
  auto& filter = arguments.filter;
  if (auto status = fill_time(flags, "since", now, &v1::Filter::mutable_since, filter); !status.ok()) return status;
  if (auto status = fill_time(flags, "until", now, &v1::Filter::mutable_until, filter); !status.ok()) return status;
  if (flags.count("tenant") != 0) filter.set_tenant(flags["tenant"].as<std::string>());
  if (flags.count("host") != 0) filter.set_host(flags["host"].as<std::string>());
  if (flags.count("rule") != 0) filter.set_rule(flags["rule"].as<std::string>());
  arguments.follow = flags.count("follow") != 0;
  arguments.probes = flags.count("probes") != 0;
  if (flags.count("limit") == 0) return absl::OkStatus();
  const std::string limit = flags["limit"].as<std::string>();
  const bool digits = !limit.empty() && limit.size() <= 9 && std::all_of(limit.begin(), limit.end(), ::isdigit);
  if (!digits || std::stoul(limit) == 0) {
    return absl::InvalidArgumentError(absl::StrCat("--limit: '", limit, "' is no number from 1 to 999999999"));
  }
  arguments.limit = static_cast<std::uint32_t>(std::stoul(limit));
  return absl::OkStatus();
}

absl::StatusOr<po::variables_map> parse_flags(const std::vector<std::string>& words) {
  po::options_description all = description();
  all.add_options()("words", po::value<std::vector<std::string>>());
  po::positional_options_description positions;
  positions.add("words", -1);
  po::variables_map flags;
  try {
    po::store(po::command_line_parser(words)
                  .options(all)
                  .positional(positions)
                  .style(po::command_line_style::unix_style & ~po::command_line_style::allow_guessing)
                  .run(),
              flags);
  } catch (const po::error& error) {
    return absl::InvalidArgumentError(absl::StrCat(error.what(), "; see --help"));
  }
  return flags;
}

}  // namespace

absl::StatusOr<Arguments> parse_arguments(const std::vector<std::string>& words, absl::Time now) {
  const auto flags = parse_flags(words);
  if (!flags.ok()) return flags.status();
  Arguments arguments;
  if (flags->count("help") != 0) return arguments;
  if (flags->count("version") != 0) {
    arguments.action = Action::kVersion;
    return arguments;
  }
  const auto command = find_command(*flags);
  if (!command.ok()) return command.status();
  arguments.action = (*command)->action;
  const auto& named = (*flags)["words"].as<std::vector<std::string>>();
  arguments.words.assign(named.begin() + 1, named.end());
  if (auto status = check_flags(**command, *flags); !status.ok()) return status;
  const std::string format = (*flags)["format"].as<std::string>();
  if (format != "table" && format != "json") {
    return absl::InvalidArgumentError(absl::StrCat("--format: '", format, "'; expected table or json"));
  }
  arguments.format = format == "json" ? Format::kJson : Format::kTable;
  auto collector = endpoint::parse((*flags)["collector"].as<std::string>());
  if (!collector.ok()) return absl::InvalidArgumentError(absl::StrCat("--collector: ", collector.status().message()));
  arguments.collector = *std::move(collector);
  if (auto status = endpoint::check_plaintext(arguments.collector, flags->count("allow-plaintext") != 0);
      !status.ok()) {
    return status;
  }
  if (auto status = fill_filter(*flags, now, arguments); !status.ok()) return status;
  return arguments;
}

std::string help_text() {
  std::ostringstream text;
  text << "usage: bulkheadctl [--collector HOST:PORT] COMMAND [OPTION...]\n\nAsks a Bulkhead collector.\n\nCommands\n";
  for (const auto& command : kCommands) {
    text << "  " << command.name << std::string(12 - std::string(command.name).size(), ' ') << command.help << "\n";
  }
  text << "\n"
       << description()
       << "\nExit status: 0 done; 1 a check found errors or a test failed; 2 wrong usage; 3 the collector cannot be "
          "reached or cannot answer; 4 missing "
          "privilege.\n";
  return text.str();
}

std::string bash_completion() {
  std::string commands;
  std::string cases;
  for (const auto& command : kCommands) {
    absl::StrAppend(&commands, commands.empty() ? "" : " ", command.name);
    std::string flags;
    for (const std::string& flag : std::vector<std::string>(absl::StrSplit(command.flags, ' ', absl::SkipEmpty()))) {
      absl::StrAppend(&flags, " --", flag);
    }
    if (command.action == Action::kCompletion) {
      cases += "    completion) words=bash ;;\n";
    } else if (command.action == Action::kRules) {
      absl::StrAppend(&cases, "    rules) words=\"$common ", absl::StrJoin(kRulesWords, " "), "\" ;;\n");
    } else {
      absl::StrAppend(&cases, "    ", command.name, ") words=\"$common", flags, "\" ;;\n");
    }
  }
  return absl::StrCat(
      "# bulkheadctl completion bash > /usr/share/bash-completion/completions/bulkheadctl\n"
      "_bulkheadctl() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command= word words\n"
      "  local common=\"--collector --format --allow-plaintext --help\"\n"
      "  COMPREPLY=()\n"
      "  if [ \"$previous\" = --format ]; then\n"
      "    mapfile -t COMPREPLY < <(compgen -W \"table json\" -- \"$current\")\n"
      "    return\n"
      "  fi\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    case \" ",
      commands,
      " \" in *\" $word \"*) command=$word; break ;; esac\n"
      "  done\n"
      "  case $command in\n",
      cases, "    *) words=\"", commands,
      " $common --version\" ;;\n"
      "  esac\n"
      "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
      "}\n"
      "complete -F _bulkheadctl bulkheadctl\n");
}

}  // namespace bulkhead::ctl
