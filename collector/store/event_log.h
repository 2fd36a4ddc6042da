// The log of everything that agents sent. Embedded RocksDB today (rocksdb_store.h), a clustered log later: positions
// are opaque, appends are idempotent by event identity (host, boot, sequence), readers resume where they were.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bulkhead/v1/event.pb.h"

namespace bulkhead::store {

// Where a reader is. Compares in log order; the empty position is before everything.
class Position {
 public:
  Position() = default;
  explicit Position(std::string bytes) : bytes_(std::move(bytes)) {}
  const std::string& bytes() const { return bytes_; }
  auto operator<=>(const Position&) const = default;

 private:
  std::string bytes_;
};

struct StoredBatch {
  Position position;
  v1::EventBatch batch;
};

struct AppendResult {
  // The sequence that the log expects next for the batch's (host, boot); all below are durable.
  std::uint64_t next_sequence = 0;
  // The batch began beyond what was expected and was not stored.
  bool gap = false;
  // At least one of its events was new.
  bool stored = false;
};

struct LogStatistics {
  std::uint64_t events = 0;
  std::uint64_t batches = 0;
  std::uint64_t bytes = 0;
};

// Thread safe.
class EventLog {
 public:
  virtual ~EventLog() = default;

  // Stores the batches with one synced write and returns when they survive a power cut. What is there already is not
  // stored again. One result per batch, in order. An error means that none of them was stored.
  virtual absl::StatusOr<std::vector<AppendResult>> append(std::span<const v1::EventBatch> batches) = 0;

  // At most max_batches after `after`, in log order; fewer at the end. A record that cannot be read is an error that
  // names it (kDataLoss).
  virtual absl::StatusOr<std::vector<StoredBatch>> read(const Position& after, std::size_t max_batches) = 0;

  // The same backwards: at most max_batches before `before`, newest first. The empty position is here the log's end.
  virtual absl::StatusOr<std::vector<StoredBatch>> read_before(const Position& before, std::size_t max_batches) = 0;

  // A position that no event of `time_ns` (nanoseconds since the epoch) or later is at or before: where a search by
  // time begins. Exact however late or wrong the hosts' clocks made events arrive; found without reading the log.
  virtual absl::StatusOr<Position> before_time(std::int64_t time_ns) = 0;

  // Returns true as soon as there is something after `after`, false at the timeout.
  virtual bool wait(const Position& after, std::chrono::milliseconds timeout) = 0;

  // The last position; empty in an empty log.
  virtual Position end() = 0;

  // Removes what is at or before `through`.
  virtual absl::Status trim(const Position& through) = 0;

  virtual LogStatistics statistics() = 0;
};

}  // namespace bulkhead::store
