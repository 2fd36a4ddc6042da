#include "collector/grants/grant_check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "collector/grants/coverage.h"
#include "collector/policy/operations.h"
#include "proto/batch/event_time.h"
#include "proto/batch/utf8.h"

namespace bulkhead::grants {
namespace {

using batch::time_of;

constexpr std::size_t kTextBytes = 1024;
constexpr int kDomains = 200;

absl::Status check_text(const char* field, const std::string& text, bool needed) {
  if (needed && absl::StripAsciiWhitespace(text).empty()) {
    return absl::InvalidArgumentError(absl::StrCat("a grant needs '", field, "'"));
  }
  if (text.size() > kTextBytes) {
    return absl::InvalidArgumentError(absl::StrCat("'", field, "' has more than ", kTextBytes, " bytes"));
  }
  const bool control = std::ranges::any_of(text, [](unsigned char c) { return absl::ascii_iscntrl(c); });
  if (!control && batch::is_utf8(text)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("'", field, "' has control characters or is no UTF-8"));
}

absl::Status check_texts(const v1::Grant& grant) {
  absl::Status status = check_text("tenant", grant.tenant(), true);
  status.Update(check_text("ticket", grant.ticket(), true));
  status.Update(check_text("approver", grant.approver(), true));
  status.Update(check_text("reason", grant.reason(), true));
  status.Update(check_text("created_by", grant.created_by(), true));
  status.Update(check_text("actor.executable", grant.actor().executable(), false));
  for (const std::string& domain : grant.domains()) status.Update(check_text("domains", domain, true));
  return status;
}

absl::Status check_scope(const v1::Grant& grant) {
  if (grant.tenant() == "host" || grant.tenant() == "unknown") {
    return absl::InvalidArgumentError(absl::StrCat("'", grant.tenant(), "' is no customer that could authorise"));
  }
  if (grant.operations().empty()) {
    return absl::InvalidArgumentError(
        fmt::format("a grant names 'operations', some of {}", fmt::join(policy::operation_names(), ", ")));
  }
  std::set<int> seen;
  for (const int operation : grant.operations()) {
    if (!v1::Operation_IsValid(operation) || operation == v1::OPERATION_UNSPECIFIED || !seen.insert(operation).second) {
      return absl::InvalidArgumentError("'operations' has one that is not known, or one twice");
    }
  }
  if (grant.domains_size() > kDomains) {
    return absl::InvalidArgumentError(fmt::format("'domains' has {}, at most {}", grant.domains_size(), kDomains));
  }
  const v1::GrantedActor& actor = grant.actor();
  if (!actor.has_login_uid() && !actor.has_uid() && actor.executable().empty()) {
    return absl::InvalidArgumentError(
        "a grant names its 'actor' by login uid, uid or executable: it is not for anyone");
  }
  if (!actor.executable().empty() && actor.executable().front() != '/') {
    return absl::InvalidArgumentError("'actor.executable' is no absolute path");
  }
  return absl::OkStatus();
}

absl::Status check_times(const v1::Grant& grant, const Terms& terms, absl::Time now) {
  const bool times = grant.has_from() && grant.has_until() && batch::nanoseconds_of(grant.from()) &&
                     batch::nanoseconds_of(grant.until());
  if (!times) return absl::InvalidArgumentError("a grant needs 'from' and 'until'");
  const absl::Time from = time_of(grant.from());
  const absl::Time until = time_of(grant.until());
  if (until <= from) return absl::InvalidArgumentError("'until' is not after 'from'");
  if (until <= now) return absl::InvalidArgumentError("'until' is over already: a grant cannot excuse what was done");
  if (until - std::max(from, now) > terms.max_duration) {
    return absl::InvalidArgumentError(
        absl::StrCat("it is for longer than ", absl::FormatDuration(terms.max_duration), ", which policy allows"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status check(const v1::Grant& grant, const Terms& terms, absl::Time now) {
  absl::Status status = check_texts(grant);
  status.Update(check_scope(grant));
  status.Update(check_times(grant, terms, now));
  return status;
}

}  // namespace bulkhead::grants
