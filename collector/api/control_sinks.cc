#include "collector/api/control_sinks.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "collector/alerts/life_cycle.h"
#include "proto/batch/event_time.h"

namespace bulkhead::api {

namespace {

constexpr std::size_t kPage = 64;

absl::Status check_sink(const std::string& name, const ListSinks& sinks) {
  const auto all = sinks();
  const auto same = [&](const v1::SinkSummary& sink) { return sink.status().name() == name; };
  if (std::ranges::any_of(all, same)) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("there is no sink '", name, "'; see bulkheadctl sinks"));
}

v1::DeadLetter summary(const store::DeadLetter& letter) {
  v1::DeadLetter summary;
  summary.set_number(letter.number);
  batch::set_nanoseconds(std::max<std::int64_t>(letter.time_ns, 0), summary.mutable_time());
  summary.set_reason(letter.reason);
  // The store's numbers are OCSF's, too.
  summary.set_activity(static_cast<v1::AlertActivity>(letter.activity));
  const v1::Alert& alert = letter.alert;
  summary.set_alert_uid(alert.uid());
  summary.set_rule_id(alert.rule().id());
  summary.set_severity(alert.rule().severity());
  summary.set_host(alert.hostname().empty() ? alert.host_id() : alert.hostname());
  summary.set_message(alert.message());
  return summary;
}

absl::Status check(const v1::DeadLettersRequest& request, v1::DeadLetterAction action) {
  if (auto status = alerts::check_by(request.by()); !status.ok()) return status;
  if (action == v1::DEAD_LETTER_ACTION_DROP || !request.why().empty()) {
    if (auto status = alerts::check_why(request.why()); !status.ok()) return status;
  }
  const int ways =
      (request.numbers().empty() ? 0 : 1) + (request.alert_uid().empty() ? 0 : 1) + (request.all() ? 1 : 0);
  if (ways != 1)
    return absl::InvalidArgumentError("name dead letters by number, or an alert, or all: one of the three");
  if (request.numbers_size() > static_cast<int>(store::kDeadLettersAtOnce)) {
    return absl::InvalidArgumentError(absl::StrCat(request.numbers_size(), " dead letters are named, at most ",
                                                   store::kDeadLettersAtOnce, " at once"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status list_dead_letters(const v1::ListDeadLettersRequest& request, const ListSinks& sinks, store::Outbox& outbox,
                               QueryRun<v1::DeadLetter>& run) {
  if (auto status = check_sink(request.sink(), sinks); !status.ok()) return status;
  if (request.limit() != 0 && !request.alert_uid().empty()) {
    return absl::InvalidArgumentError("a limit and an alert do not go together");
  }
  std::uint64_t above = 0;
  if (request.limit() != 0) {
    const auto below = outbox.below_newest_dead_letters(request.sink(), request.limit());
    if (!below.ok()) return below.status();
    above = *below;
  }
  while (!run.is_over()) {
    const auto letters = outbox.dead_letters(request.sink(), above, kPage);
    if (!letters.ok()) return letters.status();
    if (letters->empty()) break;
    for (const store::DeadLetter& letter : *letters) {
      above = letter.number;
      if (!request.alert_uid().empty() && letter.alert.uid() != request.alert_uid()) continue;
      if (!run.send(summary(letter))) return absl::OkStatus();
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::DeadLetterChange> change_dead_letters(const v1::DeadLettersRequest& request,
                                                         v1::DeadLetterAction action, const ListSinks& sinks,
                                                         store::Outbox& outbox, const std::function<bool()>& go_on) {
  if (auto status = check(request, action); !status.ok()) return status;
  if (auto status = check_sink(request.sink(), sinks); !status.ok()) return status;
  v1::DeadLetterChange change;
  change.set_sink(request.sink());
  change.set_action(action);
  change.set_by(request.by());
  change.set_why(request.why());
  *change.mutable_numbers() = request.numbers();
  change.set_alert_uid(request.alert_uid());
  return outbox.change_dead_letters(std::move(change), go_on);
}

absl::Status list_dead_letter_changes(const v1::ListDeadLetterChangesRequest& request, store::Outbox& outbox,
                                      QueryRun<v1::DeadLetterChange>& run) {
  return outbox.for_each_dead_letter_change(
      request.sink(), [&](const v1::DeadLetterChange& change) { return !run.is_over() && run.send(change); });
}

}  // namespace bulkhead::api
