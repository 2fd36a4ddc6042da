#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "collector/store/alert_store.h"
#include "collector/store/database.h"
#include "collector/store/rocksdb_outbox.h"

namespace bulkhead::store {

// Thread safe.
class RocksDbAlertStore final : public AlertStore {
 public:
  // `database` and `outbox` outlive the store.
  static absl::StatusOr<std::unique_ptr<RocksDbAlertStore>> open(Database& database, RocksDbOutbox& outbox);

  absl::Status commit(std::span<const v1::Alert> changed, const Position& judged_through,
                      std::span<const Notice> notices) override;
  Position judged_through() override;
  absl::Status for_each(const std::function<bool(const v1::Alert&)>& visit) override;
  std::uint64_t count() override { return count_; }

 private:
  RocksDbAlertStore(Database& database, RocksDbOutbox& outbox, Position judged_through, std::uint64_t count)
      : database_(database), outbox_(outbox), judged_through_(std::move(judged_through)), count_(count) {}

  Database& database_;
  RocksDbOutbox& outbox_;
  std::mutex mutex_;
  Position judged_through_;
  std::atomic<std::uint64_t> count_;
};

}  // namespace bulkhead::store
