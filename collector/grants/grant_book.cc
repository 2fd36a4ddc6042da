#include "collector/grants/grant_book.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "collector/alerts/life_cycle.h"
#include "collector/grants/coverage.h"
#include "collector/grants/operations.h"
#include "proto/batch/batch.h"
#include "proto/batch/event_time.h"
#include "proto/batch/limits.h"
#include "text/random_id.h"

namespace bulkhead::grants {
namespace {

using batch::time_of;

constexpr char kPrefix[] = "grant/";
constexpr char kAppliedKey[] = "grants_applied";
// So long after its end a grant is still spoken of when someone acts as if it held.
constexpr absl::Duration kRemembered = absl::Hours(24 * 30);
constexpr std::size_t kBatchesPerRead = 64;
constexpr std::size_t kMostGrants = 1'000'000;

google::protobuf::Timestamp stamp(absl::Time time) {
  google::protobuf::Timestamp result;
  batch::set_nanoseconds(absl::ToUnixNanos(time), &result);
  return result;
}

v1::GrantState state_of(const v1::Grant& grant, absl::Time now) {
  if (grant.has_revoked() && now >= time_of(grant.revoked())) return v1::GRANT_STATE_REVOKED;
  if (now >= time_of(grant.until())) return v1::GRANT_STATE_EXPIRED;
  if (!approved_at(grant, now)) return v1::GRANT_STATE_PENDING;
  return now < time_of(grant.from()) ? v1::GRANT_STATE_APPROVED : v1::GRANT_STATE_ACTIVE;
}

bool is_over(const v1::Grant& grant, absl::Time now) {
  const v1::GrantState state = state_of(grant, now);
  return state == v1::GRANT_STATE_REVOKED || state == v1::GRANT_STATE_EXPIRED;
}

std::uint64_t sum(const std::map<std::string, std::uint64_t>& uses) {
  std::uint64_t total = 0;
  for (const auto& [uid, count] : uses) total += count;
  return total;
}

v1::Event event_of(const v1::GrantChange& change, absl::Time now) {
  v1::Event event;
  *event.mutable_time() = stamp(now);
  event.mutable_actor()->set_tenant("host");
  v1::Object& object = *event.mutable_object();
  object.set_kind(v1::OBJECT_KIND_GRANT);
  object.set_tenant(change.grant().tenant());
  object.set_id(change.grant().id());
  *event.mutable_grant_change() = change;
  return event;
}

}  // namespace

absl::StatusOr<std::unique_ptr<GrantBook>> GrantBook::open(BookSources sources) {
  std::unique_ptr<GrantBook> book(new GrantBook(sources));
  if (auto status = book->load_table(); !status.ok()) return status;
  if (auto status = book->load_log_tail(); !status.ok()) return status;
  if (auto status = book->load_uses(); !status.ok()) return status;
  return book;
}

absl::Status GrantBook::load_table() {
  std::vector<v1::GrantSummary> stored;
  bool readable = true;
  const auto read = sources_.table.for_each(kPrefix, [&](std::string_view, std::string_view value) {
    readable = stored.emplace_back().ParseFromArray(value.data(), static_cast<int>(value.size()));
    return readable;
  });
  if (!read.ok()) return read;
  const auto applied = sources_.table.get(kAppliedKey);
  if (!applied.ok()) return applied.status();
  readable = readable && (!applied->has_value() || absl::SimpleAtoi(**applied, &applied_sequence_));
  if (!readable) return absl::DataLossError("a grant in the store cannot be read");
  std::ranges::sort(stored, [](const v1::GrantSummary& a, const v1::GrantSummary& b) {
    return std::make_pair(time_of(a.grant().created()), a.grant().id()) <
           std::make_pair(time_of(b.grant().created()), b.grant().id());
  });
  for (const v1::GrantSummary& summary : stored) {
    for (const v1::GrantChange& change : summary.history()) apply(change, applied_sequence_);
  }
  unstored_.clear();
  return absl::OkStatus();
}

// What the table lost in a power cut is at the log's end.
absl::Status GrantBook::load_log_tail() {
  std::vector<v1::Event> missed;
  store::Position before;
  const auto is_own = [](const store::StoredBatch& stored) { return stored.batch.host_id() == limits::kCollectorHost; };
  for (bool reached = sources_.own_events.last_sequence() <= applied_sequence_; !reached;) {
    const auto batches = sources_.log.read_before(before, kBatchesPerRead);
    if (!batches.ok()) return batches.status();
    if (batches->empty()) break;
    for (const store::StoredBatch& stored : *batches) {
      before = stored.position;
      if (!is_own(stored)) continue;
      const auto events = batch::unpack(stored.batch);
      if (!events.ok()) return events.status();
      for (const v1::Event& event : *events) {
        reached = reached || event.sequence() <= applied_sequence_ + 1;
        if (event.has_grant_change() && event.sequence() > applied_sequence_) missed.push_back(event);
      }
      if (reached) break;
    }
  }
  std::ranges::sort(missed, {}, [](const v1::Event& event) { return event.sequence(); });
  for (const v1::Event& event : missed) apply(event.grant_change(), event.sequence());
  // Others of the collector's own events need not be looked through again.
  applied_sequence_ = std::max(applied_sequence_, sources_.own_events.last_sequence());
  store();
  return absl::OkStatus();
}

absl::Status GrantBook::load_uses() {
  return sources_.alerts.for_each([this](const v1::Alert& alert) {
    if (alert.state() != v1::ALERT_STATE_AUTHORISED) return true;
    if (const auto entry = entries_.find(alert.grant_id()); entry != entries_.end()) {
      entry->second.uses[alert.uid()] = alert.event_count();
    }
    return true;
  });
}

absl::StatusOr<v1::Grant> GrantBook::create(v1::Grant grant, const Terms& terms, absl::Time now) {
  if (auto status = check(grant, terms, now); !status.ok()) return status;
  grant.set_id(text::random_id("G-"));
  *grant.mutable_created() = stamp(now);
  grant.clear_approvals();
  grant.clear_revoked();
  grant.set_approvals_needed(terms.approvals_needed);
  v1::GrantChange change;
  change.set_kind(v1::GRANT_CHANGE_KIND_CREATED);
  change.set_by(grant.created_by());
  change.set_why(grant.reason());
  *change.mutable_grant() = grant;
  const std::lock_guard lock(mutex_);
  if (entries_.size() >= kMostGrants)
    return absl::ResourceExhaustedError(absl::StrCat("there are ", kMostGrants, " grants"));
  if (auto status = record(std::move(change), now); !status.ok()) return status;
  return grant;
}

absl::StatusOr<v1::Grant> GrantBook::approve(const std::string& id, const std::string& by, absl::Time now) {
  if (auto status = alerts::check_by(by); !status.ok()) return status;
  const std::lock_guard lock(mutex_);
  const auto entry = find(id);
  if (!entry.ok()) return entry.status();
  v1::Grant grant = (*entry)->summary.grant();
  if (is_over(grant, now)) return absl::FailedPreconditionError(absl::StrCat("grant ", id, " is over"));
  if (grant.created_by() == by) {
    return absl::FailedPreconditionError(
        absl::StrCat("grant ", id, " was made by ", by, ": another person approves it"));
  }
  if (std::ranges::any_of(grant.approvals(), [&](const auto& approval) { return approval.by() == by; })) {
    return absl::FailedPreconditionError(absl::StrCat(by, " has approved grant ", id, " already"));
  }
  if (approved_at(grant, now)) {
    return absl::FailedPreconditionError(absl::StrCat("grant ", id, " needs no further approval"));
  }
  v1::GrantApproval& approval = *grant.add_approvals();
  approval.set_by(by);
  *approval.mutable_time() = stamp(now);
  v1::GrantChange change;
  change.set_kind(v1::GRANT_CHANGE_KIND_APPROVED);
  change.set_by(by);
  *change.mutable_grant() = grant;
  if (auto status = record(std::move(change), now); !status.ok()) return status;
  return grant;
}

absl::StatusOr<v1::Grant> GrantBook::revoke(const std::string& id, const std::string& by, const std::string& why,
                                            absl::Time now) {
  if (auto status = alerts::check_by(by); !status.ok()) return status;
  if (auto status = alerts::check_why(why); !status.ok()) return status;
  const std::lock_guard lock(mutex_);
  const auto entry = find(id);
  if (!entry.ok()) return entry.status();
  v1::Grant grant = (*entry)->summary.grant();
  if (is_over(grant, now)) return absl::FailedPreconditionError(absl::StrCat("grant ", id, " is over"));
  *grant.mutable_revoked() = stamp(now);
  grant.set_revoked_by(by);
  grant.set_revoked_why(why);
  v1::GrantChange change;
  change.set_kind(v1::GRANT_CHANGE_KIND_REVOKED);
  change.set_by(by);
  change.set_why(why);
  change.set_uses(sum((*entry)->uses));
  *change.mutable_grant() = grant;
  if (auto status = record(std::move(change), now); !status.ok()) return status;
  return grant;
}

std::vector<v1::GrantSummary> GrantBook::list(const v1::ListGrantsRequest& request, absl::Time now) const {
  const std::lock_guard lock(mutex_);
  std::vector<v1::GrantSummary> list;
  for (const std::string& id : order_) {
    const Entry& entry = entries_.at(id);
    const v1::Grant& grant = entry.summary.grant();
    if (!request.id().empty() && request.id() != id) continue;
    if (!request.tenant().empty() && request.tenant() != grant.tenant()) continue;
    if (request.id().empty() && !request.all() && is_over(grant, now)) continue;
    v1::GrantSummary& summary = list.emplace_back(entry.summary);
    summary.set_state(state_of(grant, now));
    summary.set_uses(sum(entry.uses));
  }
  return list;
}

alerts::Authorisation GrantBook::judge(const v1::Event& event) const {
  if (event.actor().tenant() != "host" || operations_of(event).empty()) return {};
  const absl::Time at = time_of(event.time());
  const std::lock_guard lock(mutex_);
  const auto grants = by_tenant_.find(event.object().tenant());
  if (grants == by_tenant_.end()) return {};
  alerts::Authorisation nearest;
  for (const std::string& id : grants->second) {
    const v1::Grant& grant = entries_.at(id).summary.grant();
    if (time_of(grant.created()) > at || time_of(grant.until()) + kRemembered < at) continue;
    const std::vector<std::string> against = deviations(grant, event);
    if (against.empty()) return {.grant_id = id};
    if (against.size() == 1) nearest = {.grant_id = id, .deviation = against.front()};
  }
  return nearest;
}

void GrantBook::note(const std::vector<alerts::Change>& changes) {
  const std::lock_guard lock(mutex_);
  for (const alerts::Change& change : changes) {
    if (change.alert.state() != v1::ALERT_STATE_AUTHORISED) continue;
    const auto entry = entries_.find(change.alert.grant_id());
    if (entry != entries_.end()) entry->second.uses[change.alert.uid()] = change.alert.event_count();
  }
}

absl::Status GrantBook::record_expiries(absl::Time now, absl::Duration grace) {
  const std::lock_guard lock(mutex_);
  for (const std::string& id : order_) {
    const Entry& entry = entries_.at(id);
    const v1::Grant& grant = entry.summary.grant();
    if (entry.expiry_recorded || grant.has_revoked() || time_of(grant.until()) + grace > now) continue;
    v1::GrantChange change;
    change.set_kind(v1::GRANT_CHANGE_KIND_EXPIRED);
    change.set_uses(sum(entry.uses));
    *change.mutable_grant() = grant;
    if (auto status = record(std::move(change), now); !status.ok()) return status;
  }
  return absl::OkStatus();
}

std::uint32_t GrantBook::active(absl::Time now) const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::uint32_t>(std::ranges::count_if(entries_, [&](const auto& entry) {
    return state_of(entry.second.summary.grant(), now) == v1::GRANT_STATE_ACTIVE;
  }));
}

absl::Status GrantBook::record(v1::GrantChange change, absl::Time now) {
  const auto sequence = sources_.own_events.append(event_of(change, now));
  if (!sequence.ok()) return sequence.status();
  // It counts from here: the log has it.
  apply(change, *sequence);
  store();
  return absl::OkStatus();
}

void GrantBook::apply(const v1::GrantChange& change, std::uint64_t sequence) {
  const std::string& id = change.grant().id();
  const auto [entry, added] = entries_.try_emplace(id);
  if (added) {
    order_.push_back(id);
    by_tenant_[change.grant().tenant()].push_back(id);
  }
  *entry->second.summary.mutable_grant() = change.grant();
  *entry->second.summary.add_history() = change;
  if (change.kind() == v1::GRANT_CHANGE_KIND_EXPIRED) entry->second.expiry_recorded = true;
  applied_sequence_ = std::max(applied_sequence_, sequence);
  unstored_.insert(id);
}

void GrantBook::store() {
  while (!unstored_.empty()) {
    const std::string& id = *unstored_.begin();
    if (!sources_.table.put(kPrefix + id, entries_.at(id).summary.SerializeAsString()).ok()) return;
    unstored_.erase(unstored_.begin());
  }
  sources_.table.put(kAppliedKey, absl::StrCat(applied_sequence_)).IgnoreError();
}

absl::StatusOr<GrantBook::Entry*> GrantBook::find(const std::string& id) {
  const auto entry = entries_.find(id);
  if (entry == entries_.end()) return absl::NotFoundError(absl::StrCat("there is no grant ", id));
  return &entry->second;
}

}  // namespace bulkhead::grants
