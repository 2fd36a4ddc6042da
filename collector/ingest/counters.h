#pragma once

#include <atomic>
#include <cstdint>

namespace bulkhead::ingest {

// What Statistics reports, counted by many threads.
struct Counters {
  std::atomic<std::uint64_t> streams_opened = 0;
  std::atomic<std::uint64_t> streams_refused = 0;
  std::atomic<std::uint64_t> streams_replaced = 0;
  std::atomic<std::uint64_t> streams_rejected = 0;
  std::atomic<std::uint64_t> batches = 0;
  std::atomic<std::uint64_t> batch_bytes = 0;
  std::atomic<std::uint64_t> batches_duplicate = 0;
  std::atomic<std::uint64_t> batches_beyond = 0;
  std::atomic<std::uint64_t> gaps_stated = 0;
  std::atomic<std::uint64_t> commits = 0;
  std::atomic<std::uint64_t> commit_failures = 0;
};

}  // namespace bulkhead::ingest
