// One block volume's ledger, in the kernel and from before, and what is to be said of it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/probes/ledger_maps.h"
#include "agent/probes/ownership_maps.h"
#include "agent/spool/clock.h"
#include "bulkhead/v1/disk.pb.h"

namespace bulkhead::ledger {

// Belongs to one thread.
struct VolumeRecord {
  // Names, times and sums; `runs`, the sums and the times of wiping are those from before `kernel` was made.
  v1::VolumeLedger kept;
  std::vector<std::uint32_t> kept_touched;  // as its runs, of granules that were written at least in part
  probes::FileKey key;                      // {} while its device is not there
  std::uint64_t disk_sequence = 0;          // of that device
  std::unique_ptr<probes::KernelLedger> kernel;
  bool proof_told = false;
  std::uint64_t told_granules = 0;  // of `kernel`'s counts, as it was saved last

  bool is_released() const { return kept.tenant().empty(); }
  bool is_tainted() const { return !kept.tenant().empty() && !kept.previous_tenant().empty(); }
  bool is_present() const { return key != probes::FileKey{}; }
};

// All of it as it is now, with the kernel's bits and sums.
v1::VolumeLedger snapshot_of(const VolumeRecord& volume, const spool::Moment& now);
std::vector<std::uint32_t> touched_of(const VolumeRecord& volume);

// What is kept goes into the kernel's bits, which are of the same volume: it may have grown since.
void restore_bits(VolumeRecord& volume);

// The tenant let go of it: from now on everything on it is that tenant's until it is wiped.
void begin_release(VolumeRecord& volume, const spool::Moment& now);

// Nothing is left on it, or it is back with the tenant that had it.
void end_ledger(VolumeRecord& volume);

v1::WipeRecord wipe_record(const VolumeRecord& volume, const std::string& next_tenant, const spool::Moment& now);

void set_time(std::int64_t wall_ns, google::protobuf::Timestamp& time);
std::int64_t nanoseconds(const google::protobuf::Timestamp& time);

}  // namespace bulkhead::ledger
