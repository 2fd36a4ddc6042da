// The kernel side of ledgers: which parts of a block volume were written, zeroed or discarded since it was released.
// ebpf/records/ledger.h says how it is kept.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "absl/status/statusor.h"

namespace bulkhead::probes {

// Bits of 64 granules, the lowest first. The kernel side sets them at any time.
struct LedgerWord {
  std::uint64_t clean = 0;
  std::uint64_t touched = 0;
};

// Since the ledger was made. Times are nanoseconds of CLOCK_BOOTTIME, 0 for never.
struct LedgerCounts {
  std::uint64_t granules_written = 0;
  std::uint64_t granules_zeroed = 0;
  std::uint64_t granules_discarded = 0;
  std::uint64_t first_wiped_ns = 0;
  std::uint64_t last_wiped_ns = 0;
  std::uint64_t failed_writes = 0;
};

// Of a volume of this many bytes: the exponent of its granule's size.
std::uint32_t ledger_granule_shift(std::uint64_t size);

class LedgerMaps;

// One volume's. It ends with this: by then no entry of the volumes' map may name its number any more. Belongs to one
// thread; LedgerMaps outlives it.
class KernelLedger {
 public:
  ~KernelLedger();
  KernelLedger(const KernelLedger&) = delete;
  KernelLedger& operator=(const KernelLedger&) = delete;

  std::uint32_t number() const { return number_; }  // from 1 on
  std::uint64_t size() const { return size_; }      // bytes
  std::uint32_t granule_shift() const { return granule_shift_; }
  std::uint64_t granules() const;

  // As the kernel sees them, one per 64 granules; what is written here counts at once.
  std::span<LedgerWord> words() { return words_; }

  LedgerCounts counts() const;

  // Whether reads by the volume's tenant of what is neither clean nor touched are told.
  absl::Status judge(bool on);

 private:
  friend class LedgerMaps;
  KernelLedger(LedgerMaps& maps, std::uint32_t number) : maps_(maps), number_(number) {}

  LedgerMaps& maps_;
  const std::uint32_t number_;
  std::uint64_t size_ = 0;
  std::uint64_t disk_sequence_ = 0;
  std::uint32_t granule_shift_ = 0;
  std::span<LedgerWord> words_;
  std::size_t mapped_bytes_ = 0;
};

// Thread safe.
class LedgerMaps {
 public:
  // The maps' descriptors, of ProbeSet, which outlives this.
  LedgerMaps(int ledgers, int words);

  // With no granule clean. `disk_sequence` is the disk's (/sys/block/<disk>/diskseq), so that a later disk with the
  // same number changes nothing. ResourceExhausted when there are too many; InvalidArgument for a size of 0.
  absl::StatusOr<std::unique_ptr<KernelLedger>> create(std::uint64_t disk_sequence, std::uint64_t size);

 private:
  friend class KernelLedger;
  void release(std::uint32_t number);

  const int ledgers_;
  const int words_;
  std::mutex mutex_;
  std::vector<std::uint32_t> free_;  // guarded by mutex_
};

}  // namespace bulkhead::probes
