#include "collector/policy/history.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/batch/event_time.h"

namespace bulkhead::policy {

namespace {

constexpr char kPrefix[] = "policy/";
// The key of the last policy that an event was written of.
constexpr char kAnnouncedKey[] = "policy_announced";

// 16 hexadecimal digits, so that the table's order is that of the times.
std::string key_of(std::int64_t valid_from) {
  return absl::StrCat(kPrefix, absl::Hex(valid_from, absl::kZeroPad16));
}

std::int64_t nanoseconds(const v1::Policy& policy) {
  return batch::nanoseconds_of(policy.valid_from()).value_or(-1);
}

absl::Status unreadable(std::string_view key) {
  return absl::DataLossError(absl::StrCat("the store's table has an unreadable value for '", std::string(key), "'"));
}

absl::StatusOr<v1::PolicyText> parse_value(std::string_view key, std::string_view value) {
  v1::PolicyText text;
  if (!text.ParseFromArray(value.data(), static_cast<int>(value.size())) || nanoseconds(text.policy()) < 0) {
    return unreadable(key);
  }
  return text;
}

v1::Event change_event(const std::string& old_version, const std::string& version, const std::string& sha256,
                       std::int64_t time) {
  v1::Event event;
  batch::set_nanoseconds(time, event.mutable_time());
  event.set_probe(v1::PROBE_COLLECTOR);
  event.mutable_actor()->set_tenant("host");
  event.mutable_object()->set_kind(v1::OBJECT_KIND_POLICY);
  event.mutable_object()->set_tenant("host");
  event.mutable_object()->set_id(version);
  event.mutable_policy_change()->set_old_version(old_version);
  event.mutable_policy_change()->set_new_version(version);
  event.mutable_policy_change()->set_sha256(sha256);
  return event;
}

}  // namespace

absl::StatusOr<std::unique_ptr<PolicyHistory>> PolicyHistory::open(store::Table& table, Announce announce) {
  std::unique_ptr<PolicyHistory> history(new PolicyHistory(table, std::move(announce)));
  if (auto status = history->load(); !status.ok()) return status;
  return history;
}

absl::Status PolicyHistory::load() {
  absl::Status bad;
  v1::Policy last;
  const auto read = table_.for_each(kPrefix, [&](std::string_view key, std::string_view value) {
    auto text = parse_value(key, value);
    if (!text.ok()) {
      bad = text.status();
      return false;
    }
    last = std::move(*text->mutable_policy());
    entries_.emplace(nanoseconds(last), Entry{last.version(), last.sha256()});
    return true;
  });
  if (!read.ok() || !bad.ok()) return read.ok() ? bad : read;
  if (entries_.empty()) return absl::OkStatus();
  current_ = std::make_shared<const v1::Policy>(std::move(last));
  // A crash between the two writes of a take_up().
  const auto announced = table_.get(kAnnouncedKey);
  if (!announced.ok()) return announced.status();
  const std::int64_t newest = entries_.rbegin()->first;
  return *announced == key_of(newest) ? absl::OkStatus() : announce(newest);
}

absl::Status PolicyHistory::announce(std::int64_t valid_from) {
  v1::Event event;
  {
    const std::lock_guard lock(mutex_);
    const auto entry = entries_.find(valid_from);
    const std::string before = entry == entries_.begin() ? std::string() : std::prev(entry)->second.version;
    event = change_event(before, entry->second.version, entry->second.sha256, valid_from);
  }
  if (auto status = announce_(std::move(event)); !status.ok()) return status;
  return table_.put(kAnnouncedKey, key_of(valid_from));
}

absl::StatusOr<bool> PolicyHistory::take_up(PolicyFile file, absl::Time now) {
  const std::lock_guard one_at_a_time(writing_);
  std::int64_t valid_from = std::max<std::int64_t>(absl::ToUnixNanos(now), 0);
  std::string old_version;
  if (const Pointer before = current(); before != nullptr) {
    if (before->sha256() == file.policy.sha256()) return false;
    valid_from = std::max(valid_from, nanoseconds(*before) + 1);
    old_version = before->version();
  }
  v1::PolicyText kept;
  *kept.mutable_policy() = std::move(file.policy);
  batch::set_nanoseconds(valid_from, kept.mutable_policy()->mutable_valid_from());
  kept.set_text(std::move(file.text));
  const std::string key = key_of(valid_from);
  const v1::Policy& policy = kept.policy();
  absl::Status status = table_.put(key, kept.SerializeAsString());
  if (status.ok()) status = announce_(change_event(old_version, policy.version(), policy.sha256(), valid_from));
  if (!status.ok()) {
    // Nobody is told of it, so it must not be there after a restart either.
    status.Update(table_.erase(key));
    return status;
  }
  // Failing, the event is written once more at the next start: better twice than never.
  table_.put(kAnnouncedKey, key).IgnoreError();
  auto taken = std::make_shared<const v1::Policy>(std::move(*kept.mutable_policy()));
  const std::lock_guard lock(mutex_);
  entries_.emplace(valid_from, Entry{taken->version(), taken->sha256()});
  current_ = std::move(taken);
  return true;
}

PolicyHistory::Pointer PolicyHistory::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

std::optional<std::int64_t> PolicyHistory::key_at(absl::Time time) const {
  const std::lock_guard lock(mutex_);
  const auto after = entries_.upper_bound(absl::ToUnixNanos(time));
  if (after == entries_.begin()) return std::nullopt;
  return std::prev(after)->first;
}

absl::StatusOr<PolicyHistory::Pointer> PolicyHistory::at(absl::Time time) const {
  const auto key = key_at(time);
  if (!key) return Pointer();
  {
    const std::lock_guard lock(mutex_);
    if (nanoseconds(*current_) == *key) return current_;
    if (cached_key_ == *key) return cached_;
  }
  auto text = read(*key);
  if (!text.ok()) return text.status();
  auto policy = std::make_shared<const v1::Policy>(std::move(*text->mutable_policy()));
  const std::lock_guard lock(mutex_);
  cached_key_ = *key;
  cached_ = policy;
  return policy;
}

absl::StatusOr<v1::PolicyText> PolicyHistory::read(std::int64_t valid_from) const {
  const std::string key = key_of(valid_from);
  const auto value = table_.get(key);
  if (!value.ok()) return value.status();
  return value->has_value() ? parse_value(key, **value) : unreadable(key);
}

absl::StatusOr<v1::PolicyText> PolicyHistory::text_at(absl::Time time) const {
  const auto key = key_at(time);
  if (!key) return absl::NotFoundError("no policy was in force then");
  return read(*key);
}

absl::StatusOr<v1::PolicyText> PolicyHistory::text_of(std::string_view version_or_sha256) const {
  std::optional<std::int64_t> key;
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(entries_.rbegin(), entries_.rend(), [&](const auto& one) {
      return one.second.version == version_or_sha256 || one.second.sha256 == version_or_sha256;
    });
    if (found != entries_.rend()) key = found->first;
  }
  if (!key) {
    return absl::NotFoundError(
        absl::StrCat("no policy of version or SHA-256 '", std::string(version_or_sha256.substr(0, 128)), "'"));
  }
  return read(*key);
}

absl::Status PolicyHistory::for_each(const std::function<bool(const v1::PolicyText&)>& visit) const {
  std::vector<std::int64_t> keys;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [valid_from, entry] : entries_) keys.push_back(valid_from);
  }
  for (const std::int64_t key : keys) {
    const auto text = read(key);
    if (!text.ok()) return text.status();
    if (!visit(*text)) break;
  }
  return absl::OkStatus();
}

}  // namespace bulkhead::policy
