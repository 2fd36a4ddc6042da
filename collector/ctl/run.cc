#include <google/protobuf/util/json_util.h>

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
  if (absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status)) return kNoPrivilege;
  return kUnreachable;
}

absl::Status act(const Arguments& arguments, const Output& output, bool& answer_is_no) {
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
    case Action::kRules: {
      const auto good = show_rules(arguments, output);
      if (!good.ok()) return good.status();
      if (!*good) answer_is_no = true;
      return absl::OkStatus();
    }
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
             << "alerts      " << status.alerts() << ", from " << status.rules() << " rules\n"
             << "detection   "
             << (status.detection_lag_events() == 0 ? std::string("up to date")
                                                    : absl::StrCat(status.detection_lag_events(), " events behind"))
             << "\n"
             << "lost        " << status.lost_records() << " records on all hosts\n";
  for (const auto& problem : status.problems()) output.out << "problem     " << printable(problem) << "\n";
  if (status.problems().empty()) output.out << "problems    none\n";
  return absl::OkStatus();
}

int run(const std::vector<std::string>& words, std::ostream& out, std::ostream& errors, std::size_t page) {
  const auto arguments = parse_arguments(words, absl::Now());
  bool answer_is_no = false;
  const absl::Status status = arguments.ok()
                                  ? act(*arguments, {.out = out, .page = page, .now = absl::Now()}, answer_is_no)
                                  : arguments.status();
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
