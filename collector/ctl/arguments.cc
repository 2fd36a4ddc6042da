#include "collector/ctl/arguments.h"

#include <algorithm>
#include <array>
#include <boost/program_options.hpp>
#include <map>
#include <set>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "collector/ctl/control_arguments.h"
#include "collector/ctl/flags.h"
#include "collector/ctl/time_spec.h"

namespace bulkhead::ctl {

namespace {

namespace po = boost::program_options;

struct CommandInfo {
  const char* name;
  // What stands after the name: a verb, and in capitals what it is about. The first row of a name is what the name
  // alone means.
  const char* words;
  Action action;
  // Flags beyond those that all take, separated by spaces.
  const char* flags;
  const char* help;
};

constexpr std::array<CommandInfo, 31> kCommands = {{
    {"hosts", "", Action::kHosts, "host probes",
     "hosts, whether their agents are there, what they can see, what was lost"},
    {"tenants", "", Action::kTenants, "tenant", "tenants of all hosts' domains, with their alerts"},
    {"events", "", Action::kEvents, "since until tenant host follow limit", "observed accesses, oldest first"},
    {"alerts", "", Action::kAlerts, "since until tenant host rule follow limit state grant", "alerts, oldest first"},
    {"alerts", "show UID", Action::kShowAlert, "", "one alert, whole, with its history"},
    {"alerts", "ack UID", Action::kChangeAlert, "by why", "someone looks at it"},
    {"alerts", "close UID", Action::kChangeAlert, "by why", "it is dealt with; a new finding opens it again"},
    {"alerts", "reopen UID", Action::kChangeAlert, "by why", "it is not dealt with after all"},
    {"silences", "", Action::kSilences, "all", "what is kept from the sinks, by whom and until when"},
    {"silences", "create", Action::kCreateSilence, "rule host tenant alert until for by why",
     "keep what matches from the sinks; it is still stored and counted"},
    {"silences", "end ID", Action::kEndSilence, "by why", "end a silence before its time"},
    {"grants", "", Action::kGrants, "tenant all", "customers' authorisations"},
    {"grants", "show ID", Action::kShowGrant, "", "one grant, its history and what it authorised"},
    {"grants", "create", Action::kCreateGrant,
     "tenant domain operation login-uid uid executable from until for ticket approver why by",
     "record a customer's authorisation"},
    {"grants", "approve ID", Action::kApproveGrant, "by", "the second person, where policy asks for one"},
    {"grants", "revoke ID", Action::kRevokeGrant, "by why", "end a grant before its time"},
    {"sinks", "", Action::kSinks, "", "where alerts are sent, what waits there and what was refused"},
    {"sinks", "dead-letters SINK", Action::kDeadLetters, "alert limit", "what a sink refused for good, oldest first"},
    {"sinks", "resend SINK", Action::kResendDeadLetters, "letter alert all by why",
     "dead letters go to the end of the sink's queue"},
    {"sinks", "drop SINK", Action::kDropDeadLetters, "letter alert all by why",
     "forget dead letters; their alerts stay stored"},
    {"sinks", "history", Action::kDeadLetterChanges, "", "who sent dead letters again or dropped them"},
    {"policy", "", Action::kPolicy, "", "policies: check a file, show, compare and list those that were in force"},
    {"rules", "list PATH...", Action::kRules, "", "the rules of these files, or those that ship; asks no collector"},
    {"rules", "check PATH...", Action::kRules, "", "every error of rule files"},
    {"rules", "test PATH...", Action::kRules, "", "runs the tests that are written in rule files"},
    {"rules", "fields", Action::kRules, "", "the fields that conditions can name"},
    {"reload", "", Action::kReload, "by", "the collector reads rules and policy again"},
    {"status", "", Action::kStatus, "", "how the collector is"},
    {"completion", "bash", Action::kCompletion, "", "prints a script for bash's completion"},
    {"help", "", Action::kHelp, "", "prints this text"},
    {"version", "", Action::kVersion, "", "prints the version"},
}};

po::options_description description() {
  po::options_description flags("Options", 110);
  auto add = flags.add_options();
  add("collector", po::value<std::string>()->value_name("ADDR")->default_value(kDefaultCollector),
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
  add("state", po::value<std::vector<std::string>>()->value_name("STATE"),
      "open, acknowledged, closed or authorised; may be given more than once");
  add("all", "also those that are over; of dead letters, every one");
  add("letter", po::value<std::vector<std::string>>()->value_name("NUMBER"),
      "a dead letter; may be given more than once");
  add("by", po::value<std::string>()->value_name("WHO"), "who does it; the user who logged in if it is not given");
  add("why", po::value<std::string>()->value_name("TEXT"), "why it is done");
  add("alert", po::value<std::string>()->value_name("UID"), "this alert only");
  add("grant", po::value<std::string>()->value_name("ID"), "alerts that this grant authorised or that exceeded it");
  add("domain", po::value<std::vector<std::string>>()->value_name("DOMAIN"),
      "uuid or name; may be given more than once; every domain of the tenant if it is not given");
  add("operation", po::value<std::vector<std::string>>()->value_name("OPERATION"),
      "memory-read, memory-write, memory-debug, volume-read or volume-write; may be given more than once");
  add("login-uid", po::value<std::string>()->value_name("UID"),
      "who may act: the login that the process descends from");
  add("uid", po::value<std::string>()->value_name("UID"), "who may act: the user id that the process runs as");
  add("executable", po::value<std::string>()->value_name("PATH"), "who may act: the program");
  add("from", po::value<std::string>()->value_name("TIME"), "when it begins; now if it is not given");
  add("for", po::value<std::string>()->value_name("SPAN"), "how long from then: 30m, 8h, 2d; instead of --until");
  add("ticket", po::value<std::string>()->value_name("TEXT"), "the customer's own reference");
  add("approver", po::value<std::string>()->value_name("WHO"), "the person at the customer who authorised it");
  add("probes", "of each host, every probe: mechanism, and why it is missing");
  add("version", "print the version and exit");
  add("help,h", "print this text and exit");
  return flags;
}

// "ack" of "ack UID".
std::string verb_of(const CommandInfo& command) {
  const std::string words = command.words;
  return words.substr(0, words.find(' '));
}

// "'alerts ack UID', 'alerts close UID" and so on, for the rows of one name.
std::string usages(const std::string& name) {
  std::string text;
  for (const CommandInfo& command : kCommands) {
    if (command.name == name && *command.words != 0)
      absl::StrAppend(&text, text.empty() ? "'" : "', '", name, " ", command.words);
  }
  return text;
}

std::string names() {
  std::vector<std::string> names;
  for (const CommandInfo& command : kCommands) {
    if (names.empty() || names.back() != command.name) names.emplace_back(command.name);
  }
  return absl::StrJoin(names, ", ");
}

// The row, and what it is about (empty for nothing).
absl::StatusOr<const CommandInfo*> find_command(const std::vector<std::string>& words) {
  if (words.empty()) return absl::InvalidArgumentError(absl::StrCat("no command; the commands are ", names()));
  bool known = false;
  for (const CommandInfo& command : kCommands) {
    if (command.name != words[0]) continue;
    known = true;
    const std::vector<std::string> expected = absl::StrSplit(command.words, ' ', absl::SkipEmpty());
    const bool any_number = !expected.empty() && expected.back().ends_with("...");
    if (any_number ? words.size() < 2 : expected.size() + 1 != words.size()) continue;
    if (expected.empty() || expected[0] == words[1]) return &command;
  }
  if (!known) {
    return absl::InvalidArgumentError(absl::StrCat("unknown command '", words[0], "'; the commands are ", names()));
  }
  const std::string expected = usages(words[0]);
  if (expected.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("unexpected argument '", words[1], "' after ", words[0]));
  }
  return absl::InvalidArgumentError(absl::StrCat(words[0], ": expected ", expected, "'"));
}

absl::Status check_flags(const CommandInfo& command, const Flags& flags) {
  const std::vector<std::string> own = absl::StrSplit(command.flags, ' ');
  for (const auto& [flag, value] : flags) {
    const bool common = flag == "words" || flag == "collector" || flag == "format" || flag == "allow-plaintext";
    if (common || std::find(own.begin(), own.end(), flag) != own.end()) continue;
    const std::string verb = verb_of(command);
    return absl::InvalidArgumentError(
        absl::StrCat(command.name, verb.empty() ? "" : " ", verb, " does not take --", flag));
  }
  return absl::OkStatus();
}

absl::Status fill_time(const Flags& flags, const char* flag, absl::Time now,
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

absl::Status fill_filter(const Flags& flags, absl::Time now, Arguments& arguments) {
  auto& filter = arguments.filter;
  if (auto status = fill_time(flags, "since", now, &v1::Filter::mutable_since, filter); !status.ok()) return status;
  if (auto status = fill_time(flags, "until", now, &v1::Filter::mutable_until, filter); !status.ok()) return status;
  filter.set_tenant(text(flags, "tenant"));
  filter.set_host(text(flags, "host"));
  filter.set_rule(text(flags, "rule"));
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

}  // namespace

absl::StatusOr<Arguments> parse_arguments(const std::vector<std::string>& words, absl::Time now,
                                          const std::string& user) {
  Arguments arguments;
  const bool asks_help = std::ranges::any_of(words, [](const auto& word) { return word == "--help" || word == "-h"; });
  if (is_policy_command(words) && !asks_help) {
    auto policy = parse_policy_arguments(words, now);
    if (!policy.ok()) return policy.status();
    arguments.action = Action::kPolicy;
    arguments.collector = policy->collector;
    arguments.policy = *std::move(policy);
    return arguments;
  }
  const auto flags = parse_flags(words, description());
  if (!flags.ok()) return flags.status();
  if (flags->count("help") != 0) return arguments;
  if (flags->count("version") != 0) {
    arguments.action = Action::kVersion;
    return arguments;
  }
  const std::vector<std::string> given = words_of(*flags);
  const auto command = find_command(given);
  if (!command.ok()) return command.status();
  arguments.action = (*command)->action;
  if (given.size() == 3) arguments.target = given[2];
  arguments.words.assign(given.begin() + 1, given.end());
  if (auto status = check_flags(**command, *flags); !status.ok()) return status;
  const std::string format = (*flags)["format"].as<std::string>();
  if (format != "table" && format != "json") {
    return absl::InvalidArgumentError(absl::StrCat("--format: '", format, "'; expected table or json"));
  }
  arguments.format = format == "json" ? Format::kJson : Format::kTable;
  auto collector = collector_of(*flags);
  if (!collector.ok()) return collector.status();
  arguments.collector = *std::move(collector);
  if (auto status = fill_filter(*flags, now, arguments); !status.ok()) return status;
  const std::string verb = given.size() > 1 ? given[1] : "";
  if (auto status = fill_control(*flags, verb, {now, user}, arguments); !status.ok()) return status;
  return arguments;
}

std::string help_text() {
  std::ostringstream text;
  text << "usage: bulkheadctl [--collector HOST:PORT] COMMAND [OPTION...]\n\nAsks a Bulkhead collector.\n\nCommands\n";
  for (const auto& command : kCommands) {
    const std::string usage = absl::StrCat(command.name, *command.words == 0 ? "" : " ", command.words);
    text << "  " << usage << std::string(25 - std::min<std::size_t>(24, usage.size()), ' ') << command.help << "\n";
  }
  text << "\n"
       << description() << policy_help()
       << "\nExit status: 0 done; 1 done, and the answer is no; 2 wrong usage; 3 the collector cannot be reached or "
          "cannot answer; 4 missing "
          "privilege.\n";
  return text.str();
}

std::string bash_completion() {
  std::map<std::string, std::set<std::string>> words;
  for (const auto& command : kCommands) {
    auto& own = words[command.name];
    for (const std::string& flag : std::vector<std::string>(absl::StrSplit(command.flags, ' ', absl::SkipEmpty()))) {
      own.insert("--" + flag);
    }
    if (const std::string verb = verb_of(command); !verb.empty()) own.insert(verb);
  }
  std::string commands;
  std::string cases;
  for (const auto& [name, own] : words) {
    absl::StrAppend(&commands, commands.empty() ? "" : " ", name);
    if (name == "policy") {
      absl::StrAppend(&cases, "    policy) words=\"$common ", policy_completion(), "\" ;;\n");
      continue;
    }
    absl::StrAppend(&cases, "    ", name, ") words=\"", name == "completion" ? "" : "$common ", absl::StrJoin(own, " "),
                    "\" ;;\n");
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
