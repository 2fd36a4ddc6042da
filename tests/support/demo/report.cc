#include "tests/support/demo/report.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace bulkhead::demo {
namespace {

using stage::Alert;

int64_t delay_ms(const Alert& alert) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(alert.received - alert.first_seen).count();
}

std::string row(const char* act, const char* expected, const char* flagged, const std::string& delay, bool good) {
  return absl::StrFormat("%-26s  %-8s  %-7s  %9s  %s\n", act, expected, flagged, delay, good ? "ok" : "WRONG");
}

}  // namespace

Verdict judge(const std::vector<Deed>& deeds, const std::vector<Alert>& alerts) {
  Verdict verdict;
  verdict.table = absl::StrFormat("%-26s  %-8s  %-7s  %9s\n", "ACT", "EXPECTED", "FLAGGED", "AFTER");
  for (const Deed& deed : deeds) {
    const auto flag = std::find_if(alerts.begin(), alerts.end(),
                                   [&](const Alert& alert) { return deed.act->explains(alert, deed.actor); });
    const bool flagged = flag != alerts.end();
    // What a twin may have caused is an unexplained alert, below.
    const bool good = flagged || !deed.act->is_breach();
    verdict.good &= good;
    verdict.table += row(deed.act->name, deed.act->is_breach() ? deed.act->rule : "silence", flagged ? "yes" : "no",
                         flagged ? absl::StrCat(delay_ms(*flag), " ms") : "", good);
  }
  for (const Alert& alert : alerts) {
    const bool explained = std::any_of(deeds.begin(), deeds.end(),
                                       [&](const Deed& deed) { return deed.act->explains(alert, deed.actor); });
    if (explained) continue;
    verdict.good = false;
    absl::StrAppend(&verdict.table, "WRONG: an alert that no staged breach explains: ", alert.rule, " ", alert.message,
                    "\n");
  }
  return verdict;
}

}  // namespace bulkhead::demo
