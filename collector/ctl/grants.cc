#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "collector/ctl/commands.h"
#include "collector/ctl/text.h"
#include "collector/policy/operations.h"

namespace bulkhead::ctl {
namespace {

std::string lower(const std::string& name, std::string_view prefix) {
  return name.starts_with(prefix) ? absl::AsciiStrToLower(name.substr(prefix.size())) : "unknown";
}

std::string operations(const v1::Grant& grant) {
  return absl::StrJoin(grant.operations(), " ", [](std::string* out, int operation) {
    out->append(policy::name_of(static_cast<v1::Operation>(operation)));
  });
}

std::string who(const v1::GrantedActor& actor) {
  std::string text;
  if (actor.has_login_uid()) absl::StrAppend(&text, "login uid ", actor.login_uid());
  if (actor.has_uid()) absl::StrAppend(&text, text.empty() ? "" : ", ", "uid ", actor.uid());
  if (!actor.executable().empty()) absl::StrAppend(&text, text.empty() ? "" : ", ", actor.executable());
  return text;
}

std::string domains(const v1::Grant& grant) {
  return grant.domains().empty() ? "every domain" : absl::StrJoin(grant.domains(), " ");
}

absl::Status print_one(const absl::StatusOr<v1::Grant>& grant, const Arguments& arguments, const Output& output) {
  if (!grant.ok()) return grant.status();
  if (arguments.format == Format::kJson) {
    output.out << to_json(*grant) << '\n';
    return absl::OkStatus();
  }
  output.out << printable(grant->id()) << ": " << printable(who(grant->actor())) << " may " << operations(*grant)
             << " on " << printable(domains(*grant)) << " of tenant " << printable(grant->tenant()) << " from "
             << format_time(grant->from()) << " until " << format_time(grant->until()) << '\n';
  const auto missing = static_cast<int>(grant->approvals_needed()) - grant->approvals_size();
  if (missing > 0 && !grant->has_revoked()) {
    output.out << "it counts once another person approves it: bulkheadctl grants approve " << printable(grant->id())
               << '\n';
  }
  return absl::OkStatus();
}

void print_history(const v1::GrantSummary& summary, const Output& output) {
  const v1::Grant& grant = summary.grant();
  output.out << "grant       " << printable(grant.id()) << ", "
             << lower(v1::GrantState_Name(summary.state()), "GRANT_STATE_") << ", used " << summary.uses() << " times\n"
             << "tenant      " << printable(grant.tenant()) << ": " << printable(domains(grant)) << "\n"
             << "operations  " << operations(grant) << "\n"
             << "who         " << printable(who(grant.actor())) << "\n"
             << "when        " << format_time(grant.from()) << " until " << format_time(grant.until()) << "\n"
             << "authorised  " << printable(grant.approver()) << ", ticket " << printable(grant.ticket()) << "\n"
             << "reason      " << printable(grant.reason()) << "\n";
  for (const v1::GrantChange& change : summary.history()) {
    output.out << "history     " << lower(v1::GrantChangeKind_Name(change.kind()), "GRANT_CHANGE_KIND_");
    if (!change.by().empty()) output.out << " by " << printable(change.by());
    if (!change.why().empty()) output.out << ": " << printable(change.why());
    output.out << "\n";
  }
  output.out << "what it authorised, and what exceeded it: bulkheadctl alerts --grant " << printable(grant.id())
             << "\n";
}

}  // namespace

absl::Status list_grants(const Arguments& arguments, Client& client, const Output& output) {
  v1::ListGrantsRequest request;
  request.set_id(arguments.target);
  request.set_tenant(arguments.filter.tenant());
  request.set_all(arguments.all);
  const bool one = arguments.action == Action::kShowGrant;
  bool any = false;
  Table table({{.title = "ID"},
               {.title = "STATE"},
               {.title = "TENANT", .least = 8},
               {.title = "DOMAINS", .least = 10},
               {.title = "OPERATIONS", .least = 12},
               {.title = "WHO", .least = 10},
               {.title = "UNTIL"},
               {.title = "USED", .align = Align::kRight},
               {.title = "TICKET", .least = 8}});
  const auto status = client.grants(request, [&](const v1::GrantSummary& summary) {
    any = true;
    const v1::Grant& grant = summary.grant();
    if (arguments.format == Format::kJson) {
      output.out << to_json(summary) << '\n';
    } else if (one) {
      print_history(summary, output);
    } else {
      table.add({grant.id(), lower(v1::GrantState_Name(summary.state()), "GRANT_STATE_"), grant.tenant(),
                 domains(grant), operations(grant), who(grant.actor()), format_time(grant.until()),
                 absl::StrCat(summary.uses()), grant.ticket()});
    }
    return output.out.good();
  });
  if (!status.ok()) return status;
  if (one && !any) return absl::NotFoundError(absl::StrCat("there is no grant ", arguments.target));
  if (arguments.format == Format::kJson || one) return status;
  output.out << (any ? table.text(output.page) : std::string(arguments.all ? "no grants\n" : "no grants in force\n"));
  return status;
}

absl::Status create_grant(const Arguments& arguments, Client& client, const Output& output) {
  v1::CreateGrantRequest request;
  *request.mutable_grant() = arguments.grant;
  return print_one(client.create_grant(request), arguments, output);
}

absl::Status approve_grant(const Arguments& arguments, Client& client, const Output& output) {
  v1::ApproveGrantRequest request;
  request.set_id(arguments.target);
  request.set_by(arguments.by);
  return print_one(client.approve_grant(request), arguments, output);
}

absl::Status revoke_grant(const Arguments& arguments, Client& client, const Output& output) {
  v1::RevokeGrantRequest request;
  request.set_id(arguments.target);
  request.set_by(arguments.by);
  request.set_why(arguments.why);
  return print_one(client.revoke_grant(request), arguments, output);
}

}  // namespace bulkhead::ctl
