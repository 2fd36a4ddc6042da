#include "collector/alerts/grouper.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "collector/alerts/fold.h"
#include "collector/alerts/life_cycle.h"

namespace bulkhead::alerts {

Grouper::Grouper(GroupingOptions options, HostnameResolver hostname, AlertLoader loader)
    : options_(options), hostname_(std::move(hostname)), loader_(std::move(loader)) {}

absl::Status Grouper::add(const detect::Finding& finding, const v1::Event& event, const Authorisation& authorisation) {
  std::string uid = alert_uid(finding, event, authorisation, options_.period);
  auto found = find(uid);
  if (!found.ok()) return found.status();
  Entry* entry = *found;
  if (entry == nullptr) {
    entry = &insert(empty_alert(std::move(uid), finding, authorisation));
    entry->opened = true;
  }
  v1::Alert& alert = entry->alert;
  const std::string host_before = alert.host_id();
  Folded folded = fold(finding, event, alert);
  if (alert.host_id() != host_before) alert.set_hostname(hostname_(alert.host_id()));
  if (alert.state() == v1::ALERT_STATE_CLOSED) {
    reopen(event.time(), alert);
    folded.notable = true;
  }
  mark(*entry, folded.notable);
  return absl::OkStatus();
}

absl::Status Grouper::amend(const std::string& uid, const std::function<absl::Status(v1::Alert&)>& change,
                            bool notable) {
  const auto found = find(uid);
  if (!found.ok()) return found.status();
  if (*found == nullptr) return absl::NotFoundError(absl::StrCat("there is no alert ", uid));
  if (auto status = change((*found)->alert); !status.ok()) return status;
  mark(**found, notable);
  return absl::OkStatus();
}

std::vector<Change> Grouper::take_changes() {
  std::vector<Change> changes;
  changes.reserve(changed_.size());
  for (const std::string& uid : std::exchange(changed_, {})) {
    Entry& entry = entries_.at(uid);
    changes.push_back({entry.alert, entry.opened, entry.notable});
    entry.changed = entry.opened = entry.notable = false;
  }
  std::ranges::sort(changes, {}, [](const Change& change) -> const std::string& { return change.alert.uid(); });
  make_room();
  return changes;
}

void Grouper::note_telling(const std::string& uid, const std::string& silence_id, bool told) {
  const auto entry = entries_.find(uid);
  if (entry == entries_.end()) return;
  entry->second.alert.set_silence_id(silence_id);
  entry->second.alert.set_told(told);
}

absl::StatusOr<Grouper::Entry*> Grouper::find(const std::string& uid) {
  const auto at_hand = entries_.find(uid);
  if (at_hand != entries_.end()) {
    recent_.splice(recent_.begin(), recent_, at_hand->second.place);
    return &at_hand->second;
  }
  auto loaded = loader_(uid);
  if (!loaded.ok()) return loaded.status();
  return loaded->has_value() ? &insert(**std::move(loaded)) : nullptr;
}

Grouper::Entry& Grouper::insert(v1::Alert alert) {
  make_room();
  recent_.push_front(alert.uid());
  Entry& entry = entries_[alert.uid()];
  entry.alert = std::move(alert);
  entry.place = recent_.begin();
  return entry;
}

void Grouper::mark(Entry& entry, bool notable) {
  entry.notable = entry.notable || notable;
  if (std::exchange(entry.changed, true)) return;
  changed_.push_back(entry.alert.uid());
}

// What changed stays until it is taken; the stage takes after every few batches.
void Grouper::make_room() {
  auto oldest = recent_.end();
  while (entries_.size() >= std::max<std::size_t>(options_.max_cached, 1) && oldest != recent_.begin()) {
    --oldest;
    const auto entry = entries_.find(*oldest);
    if (entry->second.changed) continue;
    entries_.erase(entry);
    oldest = recent_.erase(oldest);
  }
}

}  // namespace bulkhead::alerts
