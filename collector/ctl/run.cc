#include <google/protobuf/util/json_util.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "collector/ctl/commands.h"
#include "collector/ctl/rules.h"
#include "collector/ctl/text.h"

namespace bulkhead::ctl {

namespace {

enum ExitStatus { kDone = 0, kNo = 1, kUsage = 2, kUnreachable = 3, kNoPrivilege = 4 };

int exit_status(const absl::Status& status) {
  if (status.ok()) return kDone;
  if (absl::IsInvalidArgument(status)) return kUsage;
  if (absl::IsNotFound(status) || absl::IsFailedPrecondition(status)) return kNo;
  if (absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status)) return kNoPrivilege;
  return kUnreachable;
}

// Who logged in, behind a sudo too; what people say of themselves, until the collector can ask who they are.
std::string user_name() {
  if (const char* login = std::getenv("SUDO_USER"); login != nullptr && *login != 0) return login;
  const passwd* user = getpwuid(getuid());
  return user != nullptr ? user->pw_name : absl::StrCat("uid ", getuid());
}

absl::Status act(const Arguments& arguments, const Output& output) {
  Client client(arguments.collector);
  switch (arguments.action) {
    case Action::kHosts:
      return list_hosts(arguments, client, output);
    case Action::kTenants:
      return list_tenants(arguments, client, output);
    case Action::kEvents:
      return list_events(arguments, client, output);
    case Action::kAlerts:
      return list_alerts(arguments, client, output);
    case Action::kShowAlert:
      return show_alert(arguments, client, output);
    case Action::kChangeAlert:
      return change_alert(arguments, client, output);
    case Action::kSilences:
      return list_silences(arguments, client, output);
    case Action::kCreateSilence:
      return create_silence(arguments, client, output);
    case Action::kEndSilence:
      return end_silence(arguments, client, output);
    case Action::kGrants:
    case Action::kShowGrant:
      return list_grants(arguments, client, output);
    case Action::kCreateGrant:
      return create_grant(arguments, client, output);
    case Action::kApproveGrant:
      return approve_grant(arguments, client, output);
    case Action::kRevokeGrant:
      return revoke_grant(arguments, client, output);
    case Action::kPolicy:
      return run_policy(arguments.policy, client, output);
    case Action::kRules: {
      const auto good = show_rules(arguments, output);
      if (good.ok() && !*good) output.answer_is_no = true;
      return good.status();
    }
    case Action::kSinks:
      return list_sinks(arguments, client, output);
    case Action::kDeadLetters:
      return list_dead_letters(arguments, client, output);
    case Action::kResendDeadLetters:
    case Action::kDropDeadLetters:
      return change_dead_letters(arguments, client, output);
    case Action::kDeadLetterChanges:
      return list_dead_letter_changes(arguments, client, output);
    case Action::kReload:
      return reload(arguments, client, output);
    case Action::kStatus:
      return show_status(arguments, client, output);
    case Action::kCompletion:
      output.out << bash_completion();
      return absl::OkStatus();
    case Action::kHelp:
      output.out << help_text();
      return absl::OkStatus();
    case Action::kVersion:
      output.out << "bulkheadctl " << BULKHEAD_VERSION << '\n';
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

}  // namespace

std::string to_json(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  std::string json;
  // Fails only for messages that no descriptor knows.
  if (!google::protobuf::util::MessageToJsonString(message, &json, options).ok()) return "{}";
  return json;
}

absl::Status show_status(const Arguments& arguments, Client& client, const Output& output) {
  v1::Status status;
  if (auto asked = client.status(status); !asked.ok()) return asked;
  if (arguments.format == Format::kJson) {
    output.out << to_json(status) << '\n';
    return absl::OkStatus();
  }
  const absl::Duration up = output.now - absl::FromUnixSeconds(status.started().seconds());
  output.out << "collector   " << printable(status.collector_id()) << ", version " << printable(status.version())
             << ", running for " << format_span(up) << "\n"
             << "hosts       " << status.connected_hosts() << " of " << status.known_hosts() << " connected\n"
             << "events      " << status.stored_events() << " stored, " << format_bytes(status.stored_bytes()) << "\n"
             << "alerts      " << status.open_alerts() << " open, " << status.acknowledged_alerts()
             << " acknowledged, of " << status.alerts() << "; " << status.rules() << " rules\n"
             << "silences    " << status.active_silences() << " in force\n"
             << "grants      " << status.active_grants() << " in force\n"
             << "detection   "
             << (status.detection_lag_events() == 0 ? std::string("up to date")
                                                    : absl::StrCat(status.detection_lag_events(), " events behind"))
             << "\n"
             << "lost        " << status.lost_records() << " records on all hosts\n";
  if (!status.policy_version().empty()) output.out << "policy      " << printable(status.policy_version()) << "\n";
  for (const auto& sink : status.sinks()) {
    output.out << "sink        " << printable(sink.name()) << ": " << sink.delivered() << " delivered, "
               << sink.waiting() << " waiting, " << sink.dead_letters() << " dead letters\n";
  }
  for (const auto& problem : status.problems()) output.out << "problem     " << printable(problem) << "\n";
  if (status.problems().empty()) output.out << "problems    none\n";
  return absl::OkStatus();
}

absl::Status reload(const Arguments& arguments, Client& client, const Output& output) {
  v1::ReloadRequest request;
  request.set_by(arguments.by);
  const auto response = client.reload(request);
  if (!response.ok()) return response.status();
  if (arguments.format == Format::kJson) {
    output.out << to_json(*response) << '\n';
    return absl::OkStatus();
  }
  output.out << response->rules() << " rules are in force";
  if (!response->policy_version().empty()) output.out << ", and policy " << printable(response->policy_version());
  output.out << '\n';
  return absl::OkStatus();
}

int run(const std::vector<std::string>& words, std::ostream& out, std::ostream& errors, std::size_t page) {
  const auto arguments = parse_arguments(words, absl::Now(), user_name());
  bool answer_is_no = false;
  const Output output = {.out = out, .page = page, .now = absl::Now(), .answer_is_no = answer_is_no};
  const absl::Status status = arguments.ok() ? act(*arguments, output) : arguments.status();
  out.flush();
  if (!status.ok()) {
    errors << "bulkheadctl: " << printable(std::string(status.message())) << '\n';
    return exit_status(status);
  }
  if (!out.good()) {
    errors << "bulkheadctl: the output cannot be written\n";
    return kNo;
  }
  return answer_is_no ? kNo : kDone;
}

}  // namespace bulkhead::ctl
