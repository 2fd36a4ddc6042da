#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "collector/store/alert_store.h"
#include "collector/store/database.h"

namespace bulkhead::store {

// Thread safe.
class RocksDbAlertStore final : public AlertStore {
 public:
  // `database` outlives the store.
  static absl::StatusOr<std::unique_ptr<RocksDbAlertStore>> open(Database& database);

  absl::Status commit(std::span<const v1::Alert> changed, const Position& judged_through) override;
  Position judged_through() override;
  absl::Status for_each(const std::function<bool(const v1::Alert&)>& visit) override;
  std::uint64_t count() override { return count_; }

 private:
  RocksDbAlertStore(Database& database, Position judged_through, std::uint64_t count)
      : database_(database), judged_through_(std::move(judged_through)), count_(count) {}

  Database& database_;
  std::mutex mutex_;
  Position judged_through_;
  std::atomic<std::uint64_t> count_;
};

}  // namespace bulkhead::store
