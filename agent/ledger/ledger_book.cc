#include "agent/ledger/ledger_book.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/ledger/ledger_file.h"
#include "agent/ledger/ledger_image.h"
#include "spdlog/spdlog.h"

namespace bulkhead::ledger {

namespace {

void add_host(v1::VolumeLedger& ledger, const std::string& host_id) {
  if (std::ranges::find(ledger.hosts(), host_id) == ledger.hosts().end()) ledger.add_hosts(host_id);
}

std::uint64_t granules_seen(const probes::LedgerCounts& counts) {
  return counts.granules_written + counts.granules_zeroed + counts.granules_discarded;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LedgerBook>> LedgerBook::open(Surroundings surroundings) {
  std::unique_ptr<LedgerBook> book(new LedgerBook(std::move(surroundings)));
  book->tended_wall_ns_ = book->around_.clock().wall_ns;
  if (book->around_.file.empty()) return book;
  absl::StatusOr<v1::LedgerBook> kept = read_ledgers(book->around_.file);
  if (!kept.ok()) return kept.status();
  for (v1::LedgerBook::Kept& one : *kept->mutable_ledgers()) {
    v1::VolumeLedger& ledger = *one.mutable_ledger();
    VolumeRecord& volume = book->volumes_[ledger.identity().empty() ? ledger.source() : ledger.identity()];
    volume.kept = std::move(ledger);
    volume.kept_touched.assign(one.touched_runs().begin(), one.touched_runs().end());
    // Nobody watched while the agent was away.
    if (!volume.is_released() && !volume.is_tainted()) continue;
    const std::int64_t away = book->tended_wall_ns_ - nanoseconds(volume.kept.watched());
    volume.kept.set_unobserved_ns(volume.kept.unobserved_ns() +
                                  static_cast<std::uint64_t>(std::max<std::int64_t>(away, 0)));
  }
  return book;
}

void LedgerBook::watch(VolumeRecord& volume, const storage::BlockDevice& device) {
  volume.disk_sequence = device.disk_sequence;
  volume.key = {.inode = 0, .device = device.number, .generation = 0, .block_device = true};
  absl::StatusOr<std::unique_ptr<probes::KernelLedger>> kernel =
      around_.maps->create(device.disk_sequence, device.size);
  if (!kernel.ok()) {
    spdlog::error("what is left on {} is not watched: {}", volume.kept.source(),
                  std::string(kernel.status().message()));
    return;
  }
  volume.kernel = *std::move(kernel);
  add_host(volume.kept, around_.host_id);
  restore_bits(volume);
  changed_ = true;
}

void LedgerBook::unwatch(VolumeRecord& volume) {
  volume.kept_touched = touched_of(volume);
  volume.kept = snapshot_of(volume, around_.clock());
  if (volume.kernel != nullptr) retired_.push_back(std::move(volume.kernel));
  volume.key = {};
  volume.told_granules = 0;
  changed_ = true;
}

void LedgerBook::release(VolumeRecord& volume) {
  const spool::Moment now = around_.clock();
  const probes::FileKey key = volume.key;
  if (volume.kernel != nullptr) retired_.push_back(std::move(volume.kernel));
  begin_release(volume, now);
  changed_ = true;
  if (key == probes::FileKey{}) return;
  const auto seen = around_.storage->look_at(key.device);
  if (seen.ok() && seen->device.disk_sequence == volume.disk_sequence) watch(volume, seen->device);
}

void LedgerBook::assign(VolumeRecord& volume, const ownership::OwnedBlock& block) {
  changed_ = true;
  const bool is_back = volume.kept.previous_tenant() == block.tenant;
  if (!is_back) {
    told_.push_back(
        {.record = wipe_record(volume, block.tenant, around_.clock()), .source = block.source, .next = block.owner});
  }
  volume.kept.set_tenant(block.tenant);
  volume.kept.set_source(block.source);
  if (is_back || told_.back().record.verdict() == v1::WIPE_VERDICT_PROVEN) {
    if (volume.kernel != nullptr) retired_.push_back(std::move(volume.kernel));
    end_ledger(volume);
  }
}

void LedgerBook::take_owned(const ownership::OwnedBlock& block) {
  const auto seen = around_.storage->look_at(block.key.device);
  if (!seen.ok()) return;
  const storage::BlockDevice* device = &seen->device;
  VolumeRecord& volume = volumes_[seen->identity.empty() ? block.source : seen->identity];
  const bool is_new = volume.kept.tenant().empty() && volume.kept.previous_tenant().empty();
  const bool is_other = volume.key != block.key || volume.disk_sequence != device->disk_sequence;
  const bool is_resized = volume.kernel != nullptr && volume.kernel->size() != device->size;
  if (volume.is_present() && (is_other || is_resized)) unwatch(volume);
  volume.key = block.key;
  volume.disk_sequence = device->disk_sequence;
  if (is_new) {
    volume.kept.set_identity(seen->identity);
    volume.kept.set_source(block.source);
    volume.kept.set_tenant(block.tenant);
    changed_ = true;
    return;
  }
  if (!volume.is_released() && volume.kept.tenant() != block.tenant) release(volume);
  if ((volume.is_released() || volume.is_tainted()) && volume.kernel == nullptr) watch(volume, *device);
  if (volume.is_released()) assign(volume, block);
  if (volume.is_tainted() && volume.kernel != nullptr) {
    if (absl::Status status = volume.kernel->judge(true); !status.ok()) {
      spdlog::error("reads of what is left on {} are not told: {}", block.source, std::string(status.message()));
    }
  }
}

bool LedgerBook::is_same_device(const VolumeRecord& volume) const {
  const auto seen = around_.storage->look_at(volume.key.device);
  return seen.ok() && seen->device.disk_sequence == volume.disk_sequence && seen->device.size == volume.kept.size();
}

// Of a released one: its device may be gone, or have another size.
void LedgerBook::follow_device(VolumeRecord& volume) {
  if (is_same_device(volume)) return;
  const auto seen = around_.storage->look_at(volume.key.device);
  const std::uint64_t disk_sequence = volume.disk_sequence;
  unwatch(volume);
  if (seen.ok() && seen->device.disk_sequence == disk_sequence) watch(volume, seen->device);
}

std::map<std::string, VolumeRecord*> LedgerBook::missing() {
  std::map<std::string, VolumeRecord*> missing;
  for (auto& [name, volume] : volumes_) {
    if (volume.is_released() && !volume.is_present() && !volume.kept.identity().empty()) missing.emplace(name, &volume);
  }
  return missing;
}

void LedgerBook::find_released() {
  std::map<std::string, VolumeRecord*> wanted = missing();
  if (wanted.empty()) return;
  for (const auto& [number, device] : around_.storage->devices()) {
    const auto found = wanted.find(around_.storage->identity_of(storage::key_of(number), ""));
    if (found == wanted.end()) continue;
    const auto seen = around_.storage->look_at(number);
    if (!seen.ok() || seen->identity != found->first) continue;
    watch(*found->second, seen->device);
    wanted.erase(found);
  }
}

std::map<probes::FileKey, std::uint32_t> LedgerBook::follow(const std::vector<ownership::OwnedBlock>& owned,
                                                            const std::vector<probes::FileKey>& contested,
                                                            const std::vector<Absent>& absent) {
  // Those that retired before the last call have no entry any more.
  unnamed_.clear();
  std::swap(unnamed_, retired_);
  std::set<probes::FileKey> there(contested.begin(), contested.end());
  for (const ownership::OwnedBlock& block : owned) {
    take_owned(block);
    there.insert(block.key);
  }
  const std::set<Absent> away(absent.begin(), absent.end());
  for (auto& [name, volume] : volumes_) {
    if (!volume.is_released() && !there.contains(volume.key) &&
        !away.contains({volume.kept.source(), volume.kept.tenant()})) {
      release(volume);
    } else if (volume.is_released() && volume.is_present()) {
      follow_device(volume);
    }
  }
  find_released();
  std::map<probes::FileKey, std::uint32_t> numbers;
  for (const auto& [name, volume] : volumes_) {
    if (volume.kernel != nullptr) numbers.emplace(volume.key, volume.kernel->number());
  }
  return numbers;
}

ownership::Residue LedgerBook::residue(const probes::FileKey& key) const {
  for (const auto& [name, volume] : volumes_) {
    if (volume.key == key && volume.is_tainted()) return {volume.kept.previous_tenant(), volume.kept.unobserved_ns()};
  }
  return {};
}

bool LedgerBook::tend() {
  const spool::Moment now = around_.clock();
  const auto passed = static_cast<std::uint64_t>(std::max<std::int64_t>(now.wall_ns - tended_wall_ns_, 0));
  tended_wall_ns_ = now.wall_ns;
  const std::uint64_t lost = around_.lost();
  bool again = false;
  for (auto& [name, volume] : volumes_) {
    if (!volume.is_released() && !volume.is_tainted()) continue;
    if (volume.kernel == nullptr || !around_.watching()) {
      volume.kept.set_unobserved_ns(volume.kept.unobserved_ns() + passed);
      continue;
    }
    volume.kept.set_lost(volume.kept.lost() + (lost - lost_before_));
    again = again || !is_same_device(volume);
    const std::uint64_t granules = granules_seen(volume.kernel->counts());
    if (granules == volume.told_granules) continue;
    volume.told_granules = granules;
    changed_ = true;
    if (remaining_of(volume.kernel->words(), volume.kernel->size(), volume.kernel->granule_shift(), 0).extents != 0)
      continue;
    if (volume.is_tainted()) {
      retired_.push_back(std::move(volume.kernel));
      end_ledger(volume);
      again = true;
    } else if (!std::exchange(volume.proof_told, true)) {
      told_.push_back({.record = wipe_record(volume, "", now), .source = volume.kept.source(), .next = {}});
    }
  }
  lost_before_ = lost;
  const std::map<std::string, VolumeRecord*> wanted = missing();
  if (wanted.empty()) return again;
  return again || std::ranges::any_of(around_.storage->devices(), [&](const auto& device) {
           return wanted.contains(around_.storage->identity_of(storage::key_of(device.first), ""));
         });
}

absl::Status LedgerBook::save() {
  if (!changed_ || around_.file.empty()) return absl::OkStatus();
  const spool::Moment now = around_.clock();
  v1::LedgerBook book;
  for (const auto& [name, volume] : volumes_) {
    v1::LedgerBook::Kept& one = *book.add_ledgers();
    *one.mutable_ledger() = snapshot_of(volume, now);
    const std::vector<std::uint32_t> touched = touched_of(volume);
    one.mutable_touched_runs()->Assign(touched.begin(), touched.end());
  }
  if (absl::Status status = write_ledgers(around_.file, book); !status.ok()) return status;
  changed_ = false;
  return absl::OkStatus();
}

}  // namespace bulkhead::ledger
