#include "collector/ctl/control_arguments.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "collector/alerts/life_cycle.h"
#include "collector/ctl/time_spec.h"
#include "collector/policy/operations.h"
#include "proto/batch/event_time.h"

namespace bulkhead::ctl {
namespace {

absl::Status need(const Flags& flags, std::initializer_list<const char*> needed) {
  std::vector<std::string> missing;
  for (const char* flag : needed) {
    if (flags.count(flag) == 0) missing.push_back(absl::StrCat("--", flag));
  }
  if (missing.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("this needs ", absl::StrJoin(missing, ", ")));
}

absl::Status fill_states(const Flags& flags, Arguments& arguments) {
  for (const std::string& name : texts(flags, "state")) {
    v1::AlertState found = v1::ALERT_STATE_UNSPECIFIED;
    for (const v1::AlertState state :
         {v1::ALERT_STATE_OPEN, v1::ALERT_STATE_ACKNOWLEDGED, v1::ALERT_STATE_CLOSED, v1::ALERT_STATE_AUTHORISED}) {
      if (alerts::state_name(state) == name) found = state;
    }
    if (found == v1::ALERT_STATE_UNSPECIFIED) {
      return absl::InvalidArgumentError(
          absl::StrCat("--state: '", name, "'; expected open, acknowledged, closed or authorised"));
    }
    arguments.states.push_back(found);
  }
  return absl::OkStatus();
}

// From --until, or --for after `begin`.
absl::StatusOr<absl::Time> end_of(const Flags& flags, absl::Time begin, absl::Time now) {
  if ((flags.count("until") != 0) == (flags.count("for") != 0)) {
    return absl::InvalidArgumentError("this needs either --until or --for");
  }
  if (flags.count("until") != 0) {
    const auto until = parse_time(text(flags, "until"), now);
    return until.ok() ? until : absl::InvalidArgumentError(absl::StrCat("--until: ", until.status().message()));
  }
  const auto span = parse_span(text(flags, "for"));
  if (!span.ok()) return absl::InvalidArgumentError(absl::StrCat("--for: ", span.status().message()));
  return begin + *span;
}

absl::Status fill_silence(const Flags& flags, const Caller& caller, Arguments& arguments) {
  if (auto status = need(flags, {"why"}); !status.ok()) return status;
  const auto until = end_of(flags, caller.now, caller.now);
  if (!until.ok()) return until.status();
  v1::Silence& silence = arguments.silence;
  silence.set_rule(text(flags, "rule"));
  silence.set_host(text(flags, "host"));
  silence.set_tenant(text(flags, "tenant"));
  silence.set_alert_uid(text(flags, "alert"));
  silence.set_by(arguments.by);
  silence.set_why(arguments.why);
  batch::set_nanoseconds(absl::ToUnixNanos(*until), silence.mutable_until());
  return absl::OkStatus();
}

absl::StatusOr<std::uint32_t> user_id(const Flags& flags, const char* flag) {
  std::uint32_t id = 0;
  if (absl::SimpleAtoi(text(flags, flag), &id)) return id;
  return absl::InvalidArgumentError(absl::StrCat("--", flag, ": '", text(flags, flag), "' is no user id"));
}

absl::Status fill_actor(const Flags& flags, v1::GrantedActor& actor) {
  if (flags.count("login-uid") != 0) {
    const auto id = user_id(flags, "login-uid");
    if (!id.ok()) return id.status();
    actor.set_login_uid(*id);
  }
  if (flags.count("uid") != 0) {
    const auto id = user_id(flags, "uid");
    if (!id.ok()) return id.status();
    actor.set_uid(*id);
  }
  actor.set_executable(text(flags, "executable"));
  if (actor.has_login_uid() || actor.has_uid() || !actor.executable().empty()) return absl::OkStatus();
  return absl::InvalidArgumentError("this needs --login-uid, --uid or --executable: whom the customer authorised");
}

absl::Status fill_grant(const Flags& flags, const Caller& caller, Arguments& arguments) {
  if (auto status = need(flags, {"tenant", "operation", "ticket", "approver", "why"}); !status.ok()) return status;
  v1::Grant& grant = arguments.grant;
  grant.set_tenant(text(flags, "tenant"));
  for (const std::string& domain : texts(flags, "domain")) grant.add_domains(domain);
  for (const std::string& name : texts(flags, "operation")) {
    const v1::Operation operation = policy::operation_of(name);
    if (operation == v1::OPERATION_UNSPECIFIED) {
      return absl::InvalidArgumentError(
          fmt::format("--operation: '{}'; expected {}", name, fmt::join(policy::operation_names(), ", ")));
    }
    grant.add_operations(operation);
  }
  if (auto status = fill_actor(flags, *grant.mutable_actor()); !status.ok()) return status;
  absl::StatusOr<absl::Time> from = caller.now;
  if (flags.count("from") != 0) from = parse_time(text(flags, "from"), caller.now);
  if (!from.ok()) return absl::InvalidArgumentError(absl::StrCat("--from: ", from.status().message()));
  const auto until = end_of(flags, *from, caller.now);
  if (!until.ok()) return until.status();
  batch::set_nanoseconds(absl::ToUnixNanos(*from), grant.mutable_from());
  batch::set_nanoseconds(absl::ToUnixNanos(*until), grant.mutable_until());
  grant.set_ticket(text(flags, "ticket"));
  grant.set_approver(text(flags, "approver"));
  grant.set_reason(arguments.why);
  grant.set_created_by(arguments.by);
  return absl::OkStatus();
}

absl::Status fill_letters(const Flags& flags, Arguments& arguments) {
  for (const std::string& text : texts(flags, "letter")) {
    std::uint64_t number = 0;
    if (!absl::SimpleAtoi(text, &number) || number == 0) {
      return absl::InvalidArgumentError(absl::StrCat("--letter: '", text, "' is no number of a dead letter"));
    }
    arguments.letters.push_back(number);
  }
  if (flags.count("letter") + flags.count("alert") + flags.count("all") != 1) {
    return absl::InvalidArgumentError("this needs one of --letter, --alert and --all");
  }
  return arguments.action == Action::kDropDeadLetters ? need(flags, {"why"}) : absl::OkStatus();
}

}  // namespace

absl::Status fill_control(const Flags& flags, const std::string& verb, const Caller& caller, Arguments& arguments) {
  arguments.by = flags.count("by") != 0 ? text(flags, "by") : caller.user;
  arguments.why = text(flags, "why");
  arguments.all = flags.count("all") != 0;
  arguments.grant_id = text(flags, "grant");
  arguments.alert_uid = text(flags, "alert");
  switch (arguments.action) {
    case Action::kAlerts:
      return fill_states(flags, arguments);
    case Action::kChangeAlert:
      arguments.to = verb == "ack"     ? v1::ALERT_STATE_ACKNOWLEDGED
                     : verb == "close" ? v1::ALERT_STATE_CLOSED
                                       : v1::ALERT_STATE_OPEN;
      return need(flags, {"why"});
    case Action::kCreateSilence:
      return fill_silence(flags, caller, arguments);
    case Action::kCreateGrant:
      return fill_grant(flags, caller, arguments);
    case Action::kEndSilence:
    case Action::kRevokeGrant:
      return need(flags, {"why"});
    case Action::kResendDeadLetters:
    case Action::kDropDeadLetters:
      return fill_letters(flags, arguments);
    case Action::kDeadLetters:
      if (flags.count("limit") == 0 || flags.count("alert") == 0) return absl::OkStatus();
      return absl::InvalidArgumentError("--limit and --alert do not go together");
    case Action::kSinks:
    case Action::kDeadLetterChanges:
    case Action::kHosts:
    case Action::kTenants:
    case Action::kEvents:
    case Action::kShowAlert:
    case Action::kSilences:
    case Action::kGrants:
    case Action::kShowGrant:
    case Action::kApproveGrant:
    case Action::kPolicy:
    case Action::kRules:
    case Action::kReload:
    case Action::kStatus:
    case Action::kCompletion:
    case Action::kHelp:
    case Action::kVersion:
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

}  // namespace bulkhead::ctl
