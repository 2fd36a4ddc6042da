// The command line of bulkheadctl, parsed and checked.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bulkhead/v1/control.pb.h"
#include "bulkhead/v1/query.pb.h"
#include "collector/ctl/policy_arguments.h"
#include "net/endpoint.h"

namespace bulkhead::ctl {

enum class Action {
  kHosts,
  kTenants,
  kEvents,
  kAlerts,
  kPolicy,
  kRules,
  kShowAlert,
  kChangeAlert,
  kSilences,
  kCreateSilence,
  kEndSilence,
  kGrants,
  kShowGrant,
  kCreateGrant,
  kApproveGrant,
  kRevokeGrant,
  kSinks,
  kDeadLetters,
  kResendDeadLetters,
  kDropDeadLetters,
  kDeadLetterChanges,
  kReload,
  kStatus,
  kCompletion,
  kHelp,
  kVersion
};
enum class Format { kTable, kJson };

struct Arguments {
  Action action = Action::kHelp;
  net::Endpoint collector;
  Format format = Format::kTable;
  v1::Filter filter;
  bool follow = false;
  std::uint32_t limit = 0;
  bool probes = false;
  // Which alert, silence, grant or sink.
  std::string target;
  // Who does it, and why. Without --by, the user who logged in.
  std::string by;
  std::string why;
  // Also what is over; every dead letter.
  bool all = false;
  std::vector<v1::AlertState> states;
  std::string grant_id;
  // Of kChangeAlert.
  v1::AlertState to = v1::ALERT_STATE_UNSPECIFIED;
  // Of kDeadLetters, kResendDeadLetters and kDropDeadLetters.
  std::string alert_uid;
  std::vector<std::uint64_t> letters;
  v1::Silence silence;
  v1::Grant grant;
  // Of kRules: what follows the name.
  std::vector<std::string> words;
  // Of kPolicy.
  PolicyArguments policy;
};

// kInvalidArgument: one line that says which argument and why. A flag that the command does not know is an error.
// `user` is who --by falls back to.
absl::StatusOr<Arguments> parse_arguments(const std::vector<std::string>& arguments, absl::Time now,
                                          const std::string& user = {});

std::string help_text();
std::string bash_completion();

}  // namespace bulkhead::ctl
