// The command line of `bulkheadctl policy`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "net/endpoint.h"

namespace bulkhead::ctl {

struct PolicyArguments {
  enum class Verb { kCheck, kShow, kDiff, kList };
  enum class Format { kTable, kYaml, kJson };
  Verb verb = Verb::kList;
  net::Endpoint collector;
  // The FILE of check; A and B of diff.
  std::vector<std::string> names;
  // Of show: at most one of these.
  std::optional<absl::Time> at;
  std::string version;
  Format format = Format::kTable;
};

// Whether the words' command is `policy`: its flags are its own.
bool is_policy_command(const std::vector<std::string>& words);

// `words` are those of the whole command line; none of them is --help. kInvalidArgument: one line that says which and
// why.
absl::StatusOr<PolicyArguments> parse_policy_arguments(const std::vector<std::string>& words, absl::Time now);

// For --help.
std::string policy_help();
// After "policy", for the shell's completion.
std::string policy_completion();

}  // namespace bulkhead::ctl
