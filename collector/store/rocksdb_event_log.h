// EventLog and SequenceLedger over one Database.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>

#include "collector/store/database.h"
#include "collector/store/encoding.h"
#include "collector/store/event_log.h"
#include "collector/store/sequence_ledger.h"

namespace bulkhead::store {

// Thread safe. Callers of append queue up; the first of the queue writes for all that wait, with one sync.
class RocksDbEventLog final : public EventLog, public SequenceLedger {
 public:
  // `database` outlives the log.
  static absl::StatusOr<std::unique_ptr<RocksDbEventLog>> open(Database& database);

  absl::StatusOr<std::vector<AppendResult>> append(std::span<const v1::EventBatch> batches) override;
  absl::StatusOr<AppendResult> append_missing(const v1::EventBatch& statement, std::uint64_t last) override;

  absl::StatusOr<std::vector<StoredBatch>> read(const Position& after, std::size_t max_batches) override;
  absl::StatusOr<std::vector<StoredBatch>> read_before(const Position& before, std::size_t max_batches) override;
  absl::StatusOr<Position> before_time(std::int64_t time_ns) override;
  bool wait(const Position& after, std::chrono::milliseconds timeout) override;
  Position end() override;
  absl::Status trim(const Position& through) override;
  LogStatistics statistics() override;

  absl::StatusOr<BootLedger> boot(std::string_view host_id, std::string_view boot_id) override;
  absl::StatusOr<std::uint64_t> missing(std::string_view host_id) override;

 private:
  // A batch, or the statement of one loss event that stands for the events through missing_through.
  struct Entry {
    const v1::EventBatch* batch = nullptr;
    std::uint64_t missing_through = 0;
  };
  struct Request {
    std::vector<Entry> entries;
    std::vector<AppendResult> results;
    absl::Status status;
    bool done = false;
    std::condition_variable ready;
  };
  // One write in the making: nothing of it counts until it is durable.
  struct Draft;

  RocksDbEventLog(Database& database, const LogState& state)
      : database_(database), state_(state), end_index_(state.next_index - 1) {}

  absl::Status run(Request& request);
  std::vector<Request*> take_group();
  absl::Status commit(const std::vector<Request*>& group);
  absl::Status plan(const Entry& entry, Draft& draft, AppendResult& result);
  absl::StatusOr<Cursor*> cursor_of(const v1::EventBatch& batch, Draft& draft);
  absl::StatusOr<std::uint64_t> index_of(const Position& position) const;
  absl::StatusOr<StoredBatch> parse(std::string_view key, std::string_view value) const;

  Database& database_;

  std::mutex queue_mutex_;
  std::deque<Request*> queue_;

  // Held by whoever writes the log's totals: one committing leader, or trim.
  std::mutex write_mutex_;
  // Changed only with both write_mutex_ and state_mutex_ held.
  std::mutex state_mutex_;
  std::condition_variable grown_;
  LogState state_;
  std::uint64_t end_index_;
};

}  // namespace bulkhead::store
