// The thread that stores what all streams sent: while one write is being synced, the next one gathers.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "collector/ingest/counters.h"
#include "collector/store/event_log.h"
#include "collector/store/sequence_ledger.h"

namespace bulkhead::ingest {

struct Work {
  v1::EventBatch batch;
  // Not 0: the batch is the statement of one loss event that stands for all events through this sequence.
  std::uint64_t missing_through = 0;
  std::size_t bytes = 0;
  // Called from the writer's thread.
  std::function<void(const absl::StatusOr<store::AppendResult>& result)> done;
};

// Thread safe.
class Writer {
 public:
  // `tick` is called from the writer's thread about every second.
  Writer(store::EventLog& log, store::SequenceLedger& ledger, Counters& counters, std::size_t queue_bytes,
         std::function<void()> tick);
  ~Writer();

  // Work of one caller is stored in the order of its submission. After stop() it is answered with kUnavailable.
  void submit(Work work);
  bool full() const { return waiting_bytes_ >= queue_bytes_; }
  // Stores what waits, then ends the thread. Safe to repeat.
  void stop();
  // Why nothing can be stored at present, or empty.
  std::string problem() const;

 private:
  void run();
  void store_group(std::vector<Work> group);
  void store_batches(std::span<Work> works);
  void store_missing(Work& work);
  void finish(Work& work, const absl::StatusOr<store::AppendResult>& result);
  void note(const absl::Status& status);

  store::EventLog& log_;
  store::SequenceLedger& ledger_;
  Counters& counters_;
  const std::size_t queue_bytes_;
  const std::function<void()> tick_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Work> queue_;
  std::atomic<std::size_t> waiting_bytes_ = 0;
  bool stopping_ = false;
  std::string problem_;
  std::thread thread_;
};

}  // namespace bulkhead::ingest
