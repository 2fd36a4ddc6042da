#include "collector/ctl/policy_arguments.h"

#include <algorithm>
#include <array>
#include <boost/program_options.hpp>

#include "absl/strings/str_cat.h"
#include "collector/ctl/flags.h"
#include "collector/ctl/time_spec.h"

namespace bulkhead::ctl {

namespace {

namespace po = boost::program_options;
using Verb = PolicyArguments::Verb;
using Format = PolicyArguments::Format;

struct VerbInfo {
  const char* name;
  Verb verb;
  std::size_t names;
  const char* usage;
  const char* help;
};

constexpr std::array<VerbInfo, 4> kVerbs = {{
    {"check", Verb::kCheck, 1, "check FILE",
     "every error of a policy file; needs no collector; ends with 1 if there is one"},
    {"show", Verb::kShow, 0, "show [--at TIME | --version V] [--format yaml|json]",
     "the policy that is or was in force: its text, or what it says"},
    {"diff", Verb::kDiff, 2, "diff A B",
     "what differs in meaning between two files or versions; ends with 1 if anything does"},
    {"list", Verb::kList, 0, "list [--format table|json]", "every policy that was in force, oldest first"},
}};

po::options_description description() {
  po::options_description flags;
  flags.add_options()                                                            //
      ("collector", po::value<std::string>()->default_value(kDefaultCollector))  //
      ("allow-plaintext", "")                                                    //
      ("format", po::value<std::string>())                                       //
      ("at", po::value<std::string>())                                           //
      ("version", po::value<std::string>());
  return flags;
}

absl::StatusOr<const VerbInfo*> find_verb(const std::vector<std::string>& words) {
  std::string known;
  for (const auto& verb : kVerbs) absl::StrAppend(&known, known.empty() ? "" : ", ", verb.name);
  if (words.size() < 2) return absl::InvalidArgumentError(absl::StrCat("policy: expected one of ", known));
  const auto found = std::ranges::find_if(kVerbs, [&](const auto& verb) { return verb.name == words[1]; });
  if (found == kVerbs.end()) {
    return absl::InvalidArgumentError(absl::StrCat("policy: unknown '", words[1], "'; expected one of ", known));
  }
  if (words.size() != found->names + 2) {
    return absl::InvalidArgumentError(absl::StrCat("expected 'policy ", found->usage, "'"));
  }
  return &*found;
}

absl::StatusOr<Format> format_of(const Flags& flags, Verb verb) {
  const bool shows = verb == Verb::kShow;
  if (flags.count("format") == 0) return shows ? Format::kYaml : Format::kTable;
  const std::string format = text(flags, "format");
  if (shows || verb == Verb::kList) {
    if (format == "json") return Format::kJson;
    if (format == (shows ? "yaml" : "table")) return shows ? Format::kYaml : Format::kTable;
    return absl::InvalidArgumentError(
        absl::StrCat("--format: '", format, "'; expected ", shows ? "yaml" : "table", " or json"));
  }
  return absl::InvalidArgumentError("policy check and policy diff do not take --format");
}

absl::Status fill_show(const Flags& flags, absl::Time now, PolicyArguments& arguments) {
  const bool by_time = flags.count("at") != 0;
  const bool by_version = flags.count("version") != 0;
  if ((by_time || by_version) && arguments.verb != Verb::kShow) {
    return absl::InvalidArgumentError("only policy show takes --at and --version");
  }
  if (by_time && by_version) return absl::InvalidArgumentError("policy show takes --at or --version, not both");
  arguments.version = text(flags, "version");
  if (!by_time) return absl::OkStatus();
  const auto time = parse_time(text(flags, "at"), now);
  if (!time.ok()) return absl::InvalidArgumentError(absl::StrCat("--at: ", time.status().message()));
  arguments.at = *time;
  return absl::OkStatus();
}

}  // namespace

bool is_policy_command(const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--collector" || words[i] == "--format") {
      ++i;
    } else if (!words[i].starts_with('-')) {
      return words[i] == "policy";
    }
  }
  return false;
}

absl::StatusOr<PolicyArguments> parse_policy_arguments(const std::vector<std::string>& words, absl::Time now) {
  const auto flags = parse_flags(words, description());
  if (!flags.ok()) return absl::InvalidArgumentError(absl::StrCat("policy: ", flags.status().message()));
  const auto named = words_of(*flags);
  const auto verb = find_verb(named);
  if (!verb.ok()) return verb.status();
  PolicyArguments arguments;
  arguments.verb = (*verb)->verb;
  arguments.names.assign(named.begin() + 2, named.end());
  const auto format = format_of(*flags, arguments.verb);
  if (!format.ok()) return format.status();
  arguments.format = *format;
  if (auto status = fill_show(*flags, now, arguments); !status.ok()) return status;
  auto collector = collector_of(*flags);
  if (!collector.ok()) return collector.status();
  arguments.collector = *std::move(collector);
  return arguments;
}

std::string policy_help() {
  std::string text = "\nPolicy (docs/policy.md)\n";
  for (const auto& verb : kVerbs) absl::StrAppend(&text, "  policy ", verb.usage, "\n      ", verb.help, "\n");
  return text;
}

std::string policy_completion() {
  std::string words;
  for (const auto& verb : kVerbs) absl::StrAppend(&words, verb.name, " ");
  return absl::StrCat(words, "--at --version");
}

}  // namespace bulkhead::ctl
