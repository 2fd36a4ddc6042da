#include "tests/support/demo/report.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace bulkhead::demo {
namespace {

using stage::Alert;

int64_t delay_ms(const Alert& alert) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(alert.received - alert.acted).count();
}

bool explains(const Deed& deed, const Alert& alert) {
  return deed.act->explains(alert, deed.actor);
}

// A host with SMT runs the guests of any two tenants side by side unless it is told not to: that is how the host is,
// and nobody's deed.
bool is_of_the_host_itself(const Alert& alert) {
  return alert.rule == "MEM-12";
}

// The deed that an alert came of, if it came of any; null for what was seen before the first.
const Deed* last_begun_before(const Alert& alert, const std::vector<Deed>& deeds) {
  const Deed* last = nullptr;
  // Alerts tell milliseconds.
  for (const Deed& deed : deeds)
    if (std::chrono::floor<std::chrono::milliseconds>(deed.begun) <= alert.acted) last = &deed;
  return last;
}

std::string row(const char* act, const char* expected, const char* flagged, const std::string& delay, bool good) {
  return absl::StrFormat("%-26s  %-8s  %-7s  %9s  %s\n", act, expected, flagged, delay, good ? "ok" : "WRONG");
}

}  // namespace

Verdict judge(const std::vector<Deed>& deeds, const std::vector<Alert>& alerts) {
  std::vector<const Alert*> unexplained;
  for (const Alert& alert : alerts)
    if (!is_of_the_host_itself(alert) &&
        std::none_of(deeds.begin(), deeds.end(), [&](const Deed& deed) { return explains(deed, alert); }))
      unexplained.push_back(&alert);

  Verdict verdict;
  verdict.good = unexplained.empty();
  verdict.table = absl::StrFormat("%-26s  %-8s  %-7s  %9s\n", "ACT", "EXPECTED", "FLAGGED", "AFTER");
  for (const Deed& deed : deeds) {
    const auto flag = std::find_if(alerts.begin(), alerts.end(),
                                   [&](const Alert& alert) { return deed.act->flagged_by(alert, deed.actor); });
    const bool stray = std::any_of(unexplained.begin(), unexplained.end(),
                                   [&](const Alert* alert) { return last_begun_before(*alert, deeds) == &deed; });
    const bool flagged = flag != alerts.end() || stray;
    const bool good = flagged == deed.act->is_breach() && !stray;
    verdict.good &= good;
    verdict.table += row(deed.act->name, deed.act->is_breach() ? deed.act->rule : "silence", flagged ? "yes" : "no",
                         flag != alerts.end() ? absl::StrCat(delay_ms(*flag), " ms") : "", good);
  }
  for (const Alert* alert : unexplained)
    absl::StrAppend(&verdict.table, "WRONG: an alert that no staged breach explains: ", alert->rule, " ",
                    alert->message, "\n");
  return verdict;
}

}  // namespace bulkhead::demo
