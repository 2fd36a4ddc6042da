#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>

#include "collector/store/alert_store.h"
#include "collector/store/database.h"
#include "collector/store/rocksdb_outbox.h"

namespace bulkhead::store {

// As it is stored; nothing when there is none. The caller keeps commits, which may move an alert to another key, from
// coming between the two reads: they hold the alert store's lock and the outbox's.
absl::StatusOr<std::optional<v1::Alert>> read_alert(Database& database, const std::string& uid);

// Thread safe.
class RocksDbAlertStore final : public AlertStore {
 public:
  // `database` and `outbox` outlive the store.
  static absl::StatusOr<std::unique_ptr<RocksDbAlertStore>> open(Database& database, RocksDbOutbox& outbox);

  absl::Status commit(std::span<const v1::Alert> changed, const Position& judged_through,
                      std::span<const Notice> notices) override;
  Position judged_through() override;
  absl::StatusOr<std::optional<v1::Alert>> find(const std::string& uid) override;
  absl::Status for_each(const std::function<bool(const v1::Alert&)>& visit) override;
  std::uint64_t count() override { return count_; }
  AlertStates count_states() override;

 private:
  RocksDbAlertStore(Database& database, RocksDbOutbox& outbox) : database_(database), outbox_(outbox) {}
  absl::Status load();

  Database& database_;
  RocksDbOutbox& outbox_;
  std::mutex mutex_;
  Position judged_through_;
  // Guarded by mutex_: the state of each alert that is open or acknowledged, by uid.
  std::map<std::string, v1::AlertState> live_;
  std::atomic<std::uint64_t> count_ = 0;
};

}  // namespace bulkhead::store
