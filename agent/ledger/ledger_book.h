// The ledgers of block volumes that change hands (DISK-07): who had each volume, what was wiped since, and whether the
// next tenant got it with anything left on it. Kept in a file across restarts of the agent and of the host.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/ledger/volume_record.h"
#include "agent/ownership/volume_ledgers.h"
#include "agent/probes/ledger_maps.h"
#include "agent/spool/clock.h"
#include "agent/storage/host_storage.h"
#include "bulkhead/v1/disk.pb.h"

namespace bulkhead::ledger {

// A wipe record and what it is about, for an event.
struct ToldWipe {
  v1::WipeRecord record;
  std::string source;
  probes::Owner next;  // {} while the volume is nobody's
};

struct Surroundings {
  // Both outlive the book.
  probes::LedgerMaps* maps = nullptr;
  const storage::HostStorage* storage = nullptr;
  std::string file;  // empty: nothing is remembered
  std::string host_id;
  // Is what reaches block devices seen at all, and how much of it was lost since the agent's start?
  std::function<bool()> watching = [] { return true; };
  std::function<std::uint64_t()> lost = [] { return std::uint64_t{0}; };
  spool::Clock clock = spool::now;
};

// Belongs to one thread.
class LedgerBook : public ownership::VolumeLedgers {
 public:
  // DataLoss for a file that is damaged.
  static absl::StatusOr<std::unique_ptr<LedgerBook>> open(Surroundings surroundings);

  std::map<probes::FileKey, std::uint32_t> follow(const std::vector<ownership::OwnedBlock>& owned,
                                                  const std::vector<probes::FileKey>& contested,
                                                  const std::vector<Absent>& absent) override;
  ownership::Residue residue(const probes::FileKey& key) const override;

  // Looks at all of them: to be called every second. True when follow() is to be called again: a device is gone, or a
  // ledger is at its end.
  bool tend();

  // What there is to say since the last call.
  std::vector<ToldWipe> take_told() { return std::exchange(told_, {}); }

  // Writes the file, if something changed.
  absl::Status save();

 private:
  explicit LedgerBook(Surroundings surroundings) : around_(std::move(surroundings)) {}

  void take_owned(const ownership::OwnedBlock& block);
  void assign(VolumeRecord& volume, const ownership::OwnedBlock& block);
  void release(VolumeRecord& volume);
  // Makes its ledger in the kernel, of the device that it is on now.
  void watch(VolumeRecord& volume, const storage::BlockDevice& device);
  // Its device is not there any more, or its ledger is at its end: bits and sums go into `kept`.
  void unwatch(VolumeRecord& volume);
  void follow_device(VolumeRecord& volume);
  // Released ones whose device came, or came back, by their identity: after a restart, or under another number.
  std::map<std::string, VolumeRecord*> missing();
  void find_released();
  bool is_same_device(const VolumeRecord& volume) const;

  Surroundings around_;
  std::map<std::string, VolumeRecord> volumes_;  // by identity, or source
  // Ledgers that are at their end; the kernel's entries name them until what follow() said is written there, so they
  // are kept for two calls of it.
  std::vector<std::unique_ptr<probes::KernelLedger>> retired_, unnamed_;
  std::vector<ToldWipe> told_;
  std::int64_t tended_wall_ns_ = 0;
  std::uint64_t lost_before_ = 0;
  bool changed_ = false;
};

}  // namespace bulkhead::ledger
