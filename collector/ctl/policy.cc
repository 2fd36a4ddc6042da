#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "collector/ctl/commands.h"
#include "collector/ctl/text.h"
#include "collector/policy/difference.h"
#include "collector/policy/policy_file.h"
#include "proto/batch/event_time.h"

namespace bulkhead::ctl {

namespace {

using Difference = policy::Difference;

absl::Status check(const PolicyArguments& arguments, const Output& output) {
  const std::string& path = arguments.names[0];
  const auto file = policy::read_file(path);
  if (!file.ok()) {
    for (const auto line : absl::StrSplit(file.status().message(), '\n')) {
      output.out << printable({line.data(), line.size()}) << '\n';
    }
    output.answer_is_no = true;
    return absl::OkStatus();
  }
  const v1::Policy& policy = file->policy;
  output.out << printable(path) << ": good: version '" << printable(policy.version()) << "', " << policy.tenants_size()
             << " tenants, " << policy.trusted_services_size() << " trusted services, SHA-256 " << policy.sha256()
             << '\n';
  return absl::OkStatus();
}

absl::Status show(const PolicyArguments& arguments, Client& client, const Output& output) {
  v1::GetPolicyRequest request;
  request.set_version(arguments.version);
  if (arguments.at) batch::set_nanoseconds(absl::ToUnixNanos(*arguments.at), request.mutable_at());
  v1::PolicyText text;
  if (auto status = client.policy(request, text); !status.ok()) return status;
  if (arguments.format == PolicyArguments::Format::kJson) {
    output.out << to_json(text.policy()) << '\n';
    return absl::OkStatus();
  }
  // As it was read, for a file: not what a terminal should be spared.
  output.out << text.text();
  return absl::OkStatus();
}

absl::StatusOr<v1::Policy> find(const std::string& name, Client& client) {
  std::error_code error;
  if (std::filesystem::is_regular_file(name, error)) {
    auto file = policy::read_file(name);
    if (!file.ok()) return file.status();
    return std::move(file->policy);
  }
  v1::GetPolicyRequest request;
  request.set_version(name);
  v1::PolicyText text;
  if (auto status = client.policy(request, text); !status.ok()) return status;
  return std::move(*text.mutable_policy());
}

char sign_of(Difference::Kind kind) {
  switch (kind) {
    case Difference::Kind::kAdded:
      return '+';
    case Difference::Kind::kRemoved:
      return '-';
    case Difference::Kind::kChanged:
      return '~';
  }
  return '?';
}

absl::Status diff(const PolicyArguments& arguments, Client& client, const Output& output) {
  const auto before = find(arguments.names[0], client);
  if (!before.ok()) return before.status();
  const auto after = find(arguments.names[1], client);
  if (!after.ok()) return after.status();
  const auto differences = policy::differences(*before, *after);
  for (const Difference& one : differences) {
    output.out << sign_of(one.kind) << ' ' << one.section << (one.entry.empty() ? "" : " ") << printable(one.entry)
               << '\n';
    for (const std::string& change : one.changes) output.out << "    " << printable(change) << '\n';
  }
  if (differences.empty()) output.out << "no difference in meaning\n";
  output.answer_is_no = !differences.empty();
  return absl::OkStatus();
}

absl::Status list(const PolicyArguments& arguments, Client& client, const Output& output) {
  Table table({{.title = "IN FORCE SINCE"},
               {.title = "VERSION", .least = 8},
               {.title = "TENANTS", .align = Align::kRight},
               {.title = "SERVICES", .align = Align::kRight},
               {.title = "SHA-256", .least = 12}});
  const auto status = client.policies(v1::ListPoliciesRequest(), [&](const v1::PolicyText& text) {
    const v1::Policy& policy = text.policy();
    if (arguments.format == PolicyArguments::Format::kJson) {
      output.out << to_json(policy) << '\n';
      return output.out.good();
    }
    table.add({format_time(policy.valid_from()), policy.version(), absl::StrCat(policy.tenants_size()),
               absl::StrCat(policy.trusted_services_size()), policy.sha256()});
    return true;
  });
  if (!status.ok() || arguments.format == PolicyArguments::Format::kJson) return status;
  if (table.empty()) {
    output.out << "no policy: this collector was never given one\n";
  } else {
    output.out << table.text(output.page);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status run_policy(const PolicyArguments& arguments, Client& client, const Output& output) {
  switch (arguments.verb) {
    case PolicyArguments::Verb::kCheck:
      return check(arguments, output);
    case PolicyArguments::Verb::kShow:
      return show(arguments, client, output);
    case PolicyArguments::Verb::kDiff:
      return diff(arguments, client, output);
    case PolicyArguments::Verb::kList:
      return list(arguments, client, output);
  }
  return absl::OkStatus();
}

}  // namespace bulkhead::ctl
