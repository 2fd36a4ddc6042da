#include "agent/ledger/volume_record.h"

#include <algorithm>
#include <span>

#include "agent/ledger/ledger_image.h"
#include "spdlog/spdlog.h"

namespace bulkhead::ledger {

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::size_t kExtentsTold = 64;

std::int64_t wall_of(std::uint64_t boot_ns, const spool::Moment& now) {
  return now.wall_ns - static_cast<std::int64_t>(now.boot_ns) + static_cast<std::int64_t>(boot_ns);
}

}  // namespace

void set_time(std::int64_t wall_ns, google::protobuf::Timestamp& time) {
  time.set_seconds(wall_ns / kSecond);
  time.set_nanos(static_cast<std::int32_t>(wall_ns % kSecond));
}

std::int64_t nanoseconds(const google::protobuf::Timestamp& time) {
  return time.seconds() * kSecond + time.nanos();
}

v1::VolumeLedger snapshot_of(const VolumeRecord& volume, const spool::Moment& now) {
  v1::VolumeLedger ledger = volume.kept;
  set_time(now.wall_ns, *ledger.mutable_watched());
  if (volume.kernel == nullptr) return ledger;
  const probes::LedgerCounts counts = volume.kernel->counts();
  const std::uint32_t shift = volume.kernel->granule_shift();
  const std::vector<std::uint32_t> runs = runs_of(volume.kernel->words(), volume.kernel->granules());
  ledger.mutable_runs()->Assign(runs.begin(), runs.end());
  ledger.set_size(volume.kernel->size());
  ledger.set_granule(1u << shift);
  ledger.set_bytes_zeroed(ledger.bytes_zeroed() + (counts.granules_zeroed << shift));
  ledger.set_bytes_discarded(ledger.bytes_discarded() + (counts.granules_discarded << shift));
  ledger.set_failed_writes(ledger.failed_writes() + counts.failed_writes);
  if (counts.first_wiped_ns != 0) {
    if (!ledger.has_first_wiped()) set_time(wall_of(counts.first_wiped_ns, now), *ledger.mutable_first_wiped());
    set_time(wall_of(counts.last_wiped_ns, now), *ledger.mutable_last_wiped());
  }
  return ledger;
}

std::vector<std::uint32_t> touched_of(const VolumeRecord& volume) {
  if (volume.kernel == nullptr) return volume.kept_touched;
  return runs_of(volume.kernel->words(), volume.kernel->granules(), &probes::LedgerWord::touched);
}

void restore_bits(VolumeRecord& volume) {
  const std::uint32_t granule = 1u << volume.kernel->granule_shift();
  const auto restore = [&](std::span<const std::uint32_t> kept, Bit bit) {
    std::vector<std::uint32_t> runs(kept.begin(), kept.end());
    std::uint32_t by = 0;
    while (volume.kept.granule() << by < granule) ++by;
    if (by != 0) runs = coarsened(runs, by, bit);
    if (volume.kept.granule() << by == granule &&
        set_runs(runs, volume.kernel->granules(), volume.kernel->words(), bit).ok())
      return;
    spdlog::warn("{} is smaller than when it was last seen: what was wiped of it is not known any more",
                 volume.kept.source());
  };
  if (volume.kept.granule() != 0) {
    restore({volume.kept.runs().data(), static_cast<std::size_t>(volume.kept.runs_size())}, &probes::LedgerWord::clean);
    restore(volume.kept_touched, &probes::LedgerWord::touched);
  }
  volume.kept.set_size(volume.kernel->size());
  volume.kept.set_granule(granule);
}

void begin_release(VolumeRecord& volume, const spool::Moment& now) {
  v1::VolumeLedger fresh;
  fresh.set_identity(volume.kept.identity());
  fresh.set_source(volume.kept.source());
  fresh.set_previous_tenant(volume.kept.tenant());
  set_time(now.wall_ns, *fresh.mutable_released());
  set_time(now.wall_ns, *fresh.mutable_watched());
  volume.kept = std::move(fresh);
  volume.kept_touched.clear();
  volume.proof_told = false;
  volume.told_granules = 0;
}

void end_ledger(VolumeRecord& volume) {
  v1::VolumeLedger fresh;
  fresh.set_identity(volume.kept.identity());
  fresh.set_source(volume.kept.source());
  fresh.set_tenant(volume.kept.tenant());
  volume.kept = std::move(fresh);
  volume.kept_touched.clear();
  volume.proof_told = false;
  volume.told_granules = 0;
}

v1::WipeRecord wipe_record(const VolumeRecord& volume, const std::string& next_tenant, const spool::Moment& now) {
  const v1::VolumeLedger ledger = snapshot_of(volume, now);
  v1::WipeRecord record;
  record.set_previous_tenant(ledger.previous_tenant());
  record.set_next_tenant(next_tenant);
  record.set_identity(ledger.identity());
  record.set_size(ledger.size());
  record.set_granule(ledger.granule());
  record.set_bytes_remaining(ledger.size());
  if (volume.kernel != nullptr) {
    Remaining remaining =
        remaining_of(volume.kernel->words(), ledger.size(), volume.kernel->granule_shift(), kExtentsTold);
    record.set_bytes_remaining(remaining.bytes);
    record.set_remaining_extents(remaining.extents);
    for (v1::Extent& extent : remaining.first) *record.add_remaining() = std::move(extent);
  }
  const std::uint64_t clean = record.size() - record.bytes_remaining();
  record.set_bytes_zeroed(std::min(clean, ledger.bytes_zeroed()));
  record.set_bytes_discarded(std::min(clean - record.bytes_zeroed(), ledger.bytes_discarded()));
  record.set_bytes_overwritten(clean - record.bytes_zeroed() - record.bytes_discarded());
  *record.mutable_released() = ledger.released();
  if (ledger.has_first_wiped()) *record.mutable_first_wiped() = ledger.first_wiped();
  if (ledger.has_last_wiped()) *record.mutable_last_wiped() = ledger.last_wiped();
  record.set_unobserved_ns(ledger.unobserved_ns());
  record.set_failed_writes(ledger.failed_writes());
  record.set_lost(ledger.lost());
  *record.mutable_hosts() = ledger.hosts();
  const bool whole = volume.kernel != nullptr && record.bytes_remaining() == 0;
  record.set_verdict(whole && record.failed_writes() == 0 ? v1::WIPE_VERDICT_PROVEN
                     : clean == 0                         ? v1::WIPE_VERDICT_NONE
                                                          : v1::WIPE_VERDICT_PARTIAL);
  return record;
}

}  // namespace bulkhead::ledger
