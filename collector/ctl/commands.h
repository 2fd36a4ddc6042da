// What each command prints.
#pragma once

#include <ostream>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "collector/ctl/arguments.h"
#include "collector/ctl/client.h"

namespace bulkhead::ctl {

struct Output {
  std::ostream& out;
  // Columns of the page.
  std::size_t page = 120;
  absl::Time now;
  // Set by a command that was asked something and whose answer is no: exit status 1.
  bool& answer_is_no;
};

absl::Status list_hosts(const Arguments& arguments, Client& client, const Output& output);
absl::Status list_tenants(const Arguments& arguments, Client& client, const Output& output);
absl::Status list_events(const Arguments& arguments, Client& client, const Output& output);
absl::Status list_alerts(const Arguments& arguments, Client& client, const Output& output);
absl::Status show_alert(const Arguments& arguments, Client& client, const Output& output);
absl::Status change_alert(const Arguments& arguments, Client& client, const Output& output);
absl::Status list_silences(const Arguments& arguments, Client& client, const Output& output);
absl::Status create_silence(const Arguments& arguments, Client& client, const Output& output);
absl::Status end_silence(const Arguments& arguments, Client& client, const Output& output);
// Also one of them.
absl::Status list_grants(const Arguments& arguments, Client& client, const Output& output);
absl::Status create_grant(const Arguments& arguments, Client& client, const Output& output);
absl::Status approve_grant(const Arguments& arguments, Client& client, const Output& output);
absl::Status revoke_grant(const Arguments& arguments, Client& client, const Output& output);
absl::Status list_sinks(const Arguments& arguments, Client& client, const Output& output);
absl::Status list_dead_letters(const Arguments& arguments, Client& client, const Output& output);
// Sends them again or drops them.
absl::Status change_dead_letters(const Arguments& arguments, Client& client, const Output& output);
absl::Status list_dead_letter_changes(const Arguments& arguments, Client& client, const Output& output);
absl::Status reload(const Arguments& arguments, Client& client, const Output& output);
absl::Status run_policy(const PolicyArguments& arguments, Client& client, const Output& output);
absl::Status show_status(const Arguments& arguments, Client& client, const Output& output);

// All of bulkheadctl; returns the exit status. Errors are one line on `errors`.
int run(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& errors, std::size_t page);

// One line of JSON with protobuf's names; fields that are 0 or empty are there, too.
std::string to_json(const google::protobuf::Message& message);

// "process_vm_read 4096", "open for writing", …: what an event's actor did.
std::string describe(const v1::Event& event);

}  // namespace bulkhead::ctl
