#pragma once

#include <rocksdb/write_batch.h>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>

#include "collector/store/database.h"
#include "collector/store/outbox.h"
#include "collector/store/outbox_encoding.h"

namespace bulkhead::store {

// Thread safe.
class RocksDbOutbox final : public Outbox {
 public:
  // `database` outlives the outbox.
  static absl::StatusOr<std::unique_ptr<RocksDbOutbox>> open(Database& database, OutboxLimits limits);

  absl::StatusOr<std::vector<OutboxEntry>> take(const std::string& sink, std::size_t max) override;
  absl::Status confirm(const std::string& sink, std::span<const OutboxEntry> delivered) override;
  absl::Status bury(const std::string& sink, const OutboxEntry& entry, std::string_view reason) override;
  absl::Status drop(const std::string& sink) override;
  bool wait(const std::string& sink, const std::stop_token& stop, std::chrono::milliseconds timeout) override;
  std::vector<QueueState> states() override;
  absl::StatusOr<std::vector<DeadLetter>> dead_letters(const std::string& sink, std::uint64_t above,
                                                       std::size_t max) override;
  absl::StatusOr<std::uint64_t> below_newest_dead_letters(const std::string& sink, std::size_t count) override;
  absl::StatusOr<v1::DeadLetterChange> change_dead_letters(v1::DeadLetterChange change,
                                                           const std::function<bool()>& go_on) override;
  absl::Status for_each_dead_letter_change(const std::string& sink,
                                           const std::function<bool(const v1::DeadLetterChange&)>& visit) override;

  // Entries that become part of another write. Holds the outbox from its making to its end, so that nothing is taken
  // while it is not decided which entries are still to be replaced.
  class Draft {
   public:
    explicit Draft(RocksDbOutbox& outbox) : outbox_(outbox), lock_(outbox.mutex_) {}
    absl::Status add(const Notice& notice, rocksdb::WriteBatch& batch);
    // Takes a letter from the dead; with `resend` its alert is queued again.
    absl::Status take_letter(const std::string& sink, const DeadLetter& letter, bool resend,
                             rocksdb::WriteBatch& batch);
    // After all were added.
    void put_totals(rocksdb::WriteBatch& batch) const;
    // The batch was written. Then enforces the limits.
    void written();

   private:
    absl::Status put(const std::string& sink, const Notice& notice, std::string_view alert, rocksdb::WriteBatch& batch);
    absl::StatusOr<std::optional<WaitingAlert>> find(const std::string& sink, const std::string& uid);

    RocksDbOutbox& outbox_;
    const std::unique_lock<std::mutex> lock_;
    std::map<std::string, QueueTotals> totals_;
    std::map<std::pair<std::string, std::string>, WaitingAlert> waiting_;
  };

 private:
  struct Queue {
    QueueTotals totals;
    // No entry is below; spares the search the traces of deleted ones.
    std::uint64_t head = 0;
    // Entries up to here were given out and are not replaced any more.
    std::uint64_t taken_through = 0;
    // No dead letter is below; spares the search the same.
    std::uint64_t first_letter = 0;
  };
  // One write of change_dead_letters().
  struct LetterStep {
    // Letters up to here were seen.
    std::uint64_t through = 0;
    bool at_end = false;
  };

  RocksDbOutbox(Database& database, OutboxLimits limits) : database_(database), limits_(limits) {}

  // With mutex_ held.
  absl::Status remove(const std::string& sink, std::uint64_t sequence, const std::string& uid, std::uint64_t bytes,
                      QueueTotals& totals, rocksdb::WriteBatch& batch);
  void add_dead_letter(const std::string& sink, std::string_view reason, Activity activity, std::string_view alert,
                       QueueTotals& totals, rocksdb::WriteBatch& batch) const;
  // After all letters of a batch were added; gives what Queue::first_letter is once it is written.
  std::uint64_t evict_letters(const std::string& sink, const Queue& queue, QueueTotals& totals,
                              rocksdb::WriteBatch& batch) const;
  bool exceeds(const QueueTotals& totals) const;
  absl::Status enforce_limits(const std::string& sink, Queue& queue);
  absl::StatusOr<DeadLetter> parse_letter(std::string_view key, std::string_view value) const;
  absl::StatusOr<std::vector<DeadLetter>> named_letters(const v1::DeadLetterChange& change) const;
  // Without mutex_.
  absl::StatusOr<LetterStep> change_some(v1::DeadLetterChange& change, std::uint64_t above, std::uint64_t last);
  std::uint64_t last_letter(const std::string& sink);
  absl::Status unreadable(const std::string& what) const;

  Database& database_;
  const OutboxLimits limits_;
  std::mutex mutex_;
  std::condition_variable_any grown_;
  // Guarded by mutex_. By sink.
  std::map<std::string, Queue> queues_;
};

}  // namespace bulkhead::store
