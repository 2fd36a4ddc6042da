// Every policy that was in force, with the time from which it was: what happened then is judged by what held then.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bulkhead/v1/control.pb.h"
#include "bulkhead/v1/event.pb.h"
#include "bulkhead/v1/policy.pb.h"
#include "collector/policy/policy_file.h"
#include "collector/store/table.h"

namespace bulkhead::policy {

// Thread safe. Kept in the store's table under "policy/"; the file's text byte for byte.
//
// The last policy stays in force until another one is taken up, also over restarts and without a policy file.
class PolicyHistory {
 public:
  using Pointer = std::shared_ptr<const v1::Policy>;
  // Writes the event that says that another policy is in force, durably (store::OwnEvents::append). The event's write
  // is synced after that of the policy into the same write-ahead log, so with it the policy survives a power cut, too.
  using Announce = std::function<absl::Status(v1::Event event)>;

  // `table` outlives the history. kDataLoss when what it holds cannot be understood.
  static absl::StatusOr<std::unique_ptr<PolicyHistory>> open(store::Table& table, Announce announce);

  // Puts the policy in force from `now` on, or, where the clock was set back, from right after the one before. False
  // when the same file (by its SHA-256) is in force already. An error: it is not taken up, the one before stays.
  absl::StatusOr<bool> take_up(PolicyFile file, absl::Time now);

  // The policy in force; null when there never was one. Never waits for the disk.
  Pointer current() const;
  // The one that was in force at that time; null when there was none yet. Without any reading of the disk for times
  // since the current one was taken up.
  absl::StatusOr<Pointer> at(absl::Time time) const;

  // With the file's text. kNotFound when there was none.
  absl::StatusOr<v1::PolicyText> text_at(absl::Time time) const;
  // The newest of this version or SHA-256. kNotFound.
  absl::StatusOr<v1::PolicyText> text_of(std::string_view version_or_sha256) const;
  // Oldest first; stops when `visit` returns false.
  absl::Status for_each(const std::function<bool(const v1::PolicyText&)>& visit) const;

 private:
  struct Entry {
    std::string version;
    std::string sha256;
  };
  // By valid_from, nanoseconds since the epoch.
  using Entries = std::map<std::int64_t, Entry>;

  PolicyHistory(store::Table& table, Announce announce) : table_(table), announce_(std::move(announce)) {}
  absl::Status load();
  absl::Status announce(std::int64_t valid_from);
  std::optional<std::int64_t> key_at(absl::Time time) const;
  absl::StatusOr<v1::PolicyText> read(std::int64_t valid_from) const;

  store::Table& table_;
  const Announce announce_;

  // Held over the whole of a take_up().
  std::mutex writing_;
  mutable std::mutex mutex_;
  Entries entries_;  // guarded by mutex_
  Pointer current_;  // guarded by mutex_
  // The last one that at() read from the table.
  mutable std::int64_t cached_key_ = -1;  // guarded by mutex_
  mutable Pointer cached_;                // guarded by mutex_
};

}  // namespace bulkhead::policy
