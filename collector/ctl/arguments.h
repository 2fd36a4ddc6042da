// The command line of bulkheadctl, parsed and checked.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bulkhead/v1/query.pb.h"
#include "collector/endpoint/endpoint.h"

namespace bulkhead::ctl {

enum class Action { kHosts, kTenants, kEvents, kAlerts, kRules, kStatus, kCompletion, kHelp, kVersion };
enum class Format { kTable, kJson };

struct Arguments {
  Action action = Action::kHelp;
  endpoint::Endpoint collector;
  Format format = Format::kTable;
  v1::Filter filter;
  bool follow = false;
  std::uint32_t limit = 0;
  bool probes = false;
  // What follows the command's name.
  std::vector<std::string> words;
};

// kInvalidArgument: one line that says which argument and why. A flag that the command does not know is an error.
absl::StatusOr<Arguments> parse_arguments(const std::vector<std::string>& arguments, absl::Time now);

std::string help_text();
std::string bash_completion();

}  // namespace bulkhead::ctl
