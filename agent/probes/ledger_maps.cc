#include "agent/probes/ledger_maps.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "agent/probes/bpf_handles.h"
#include "ebpf/records/record.h"

namespace bulkhead::probes {

namespace {

static_assert(sizeof(LedgerWord) == sizeof(bh_ledger_word));

std::uint64_t granules_of(std::uint64_t size, std::uint32_t shift) {
  return size == 0 ? 0 : ((size - 1) >> shift) + 1;
}

}  // namespace

std::uint32_t ledger_granule_shift(std::uint64_t size) {
  std::uint32_t shift = BH_LEDGER_MIN_SHIFT;
  while (granules_of(size, shift) > BH_LEDGER_GRANULES) ++shift;
  return shift;
}

KernelLedger::~KernelLedger() {
  if (words_.data() != nullptr) ::munmap(words_.data(), mapped_bytes_);
  maps_.release(number_);
}

std::uint64_t KernelLedger::granules() const {
  return granules_of(size_, granule_shift_);
}

LedgerCounts KernelLedger::counts() const {
  bh_ledger entry = {};
  if (bpf_map_lookup_elem(maps_.ledgers_, &number_, &entry) != 0) return {};
  return {.granules_written = entry.wiped[BH_WIPE_WRITTEN],
          .granules_zeroed = entry.wiped[BH_WIPE_ZEROED],
          .granules_discarded = entry.wiped[BH_WIPE_DISCARDED],
          .first_wiped_ns = entry.first_wiped_ns,
          .last_wiped_ns = entry.last_wiped_ns,
          .failed_writes = entry.failed_writes};
}

// What the kernel counts between the two calls is lost, so this is done before anyone can write to the volume as its
// tenant; a lost count makes a wipe record poorer, never richer.
absl::Status KernelLedger::judge(bool on) {
  bh_ledger entry = {};
  if (bpf_map_lookup_elem(maps_.ledgers_, &number_, &entry) != 0) {
    return absl::ErrnoToStatus(errno, "cannot read a volume's ledger");
  }
  entry.flags = on ? BH_LEDGER_JUDGED : 0;
  if (bpf_map_update_elem(maps_.ledgers_, &number_, &entry, BPF_ANY) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, "cannot change a volume's ledger");
}

LedgerMaps::LedgerMaps(int ledgers, int words) : ledgers_(ledgers), words_(words) {
  for (std::uint32_t number = BH_LEDGER_LIMIT - 1; number > 0; --number) free_.push_back(number);
}

absl::StatusOr<std::unique_ptr<KernelLedger>> LedgerMaps::create(std::uint64_t disk_sequence, std::uint64_t size) {
  if (size == 0) return absl::InvalidArgumentError("a volume of no bytes has no ledger");
  std::uint32_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return absl::ResourceExhaustedError("too many volumes that changed hands are watched at once");
    number = free_.back();
    free_.pop_back();
  }
  std::unique_ptr<KernelLedger> ledger(new KernelLedger(*this, number));
  ledger->size_ = size;
  ledger->disk_sequence_ = disk_sequence;
  ledger->granule_shift_ = ledger_granule_shift(size);
  const std::size_t words = (ledger->granules() - 1) / BH_LEDGER_WORD + 1;

  LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE);
  const FileDescriptor bits(bpf_map_create(BPF_MAP_TYPE_ARRAY, "bh_ledger_words", sizeof(std::uint32_t),
                                           sizeof(bh_ledger_word), static_cast<std::uint32_t>(words), &options));
  if (!bits) return absl::ErrnoToStatus(errno, "cannot make a volume's ledger");
  const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::size_t bytes = (words * sizeof(bh_ledger_word) + page - 1) / page * page;
  void* mapped = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bits.get(), 0);
  if (mapped == MAP_FAILED) return absl::ErrnoToStatus(errno, "cannot map a volume's ledger");
  ledger->words_ = {static_cast<LedgerWord*>(mapped), words};
  ledger->mapped_bytes_ = bytes;

  const int descriptor = bits.get();
  bh_ledger entry = {};
  entry.disk_sequence = disk_sequence;
  entry.size = size;
  entry.granule_shift = ledger->granule_shift_;
  if (bpf_map_update_elem(ledgers_, &number, &entry, BPF_ANY) != 0 ||
      bpf_map_update_elem(words_, &number, &descriptor, BPF_ANY) != 0) {
    return absl::ErrnoToStatus(errno, "cannot put a volume's ledger in its place");
  }
  return ledger;
}

void LedgerMaps::release(std::uint32_t number) {
  bpf_map_delete_elem(words_, &number);
  const bh_ledger none = {};
  bpf_map_update_elem(ledgers_, &number, &none, BPF_ANY);
  const std::lock_guard lock(mutex_);
  free_.push_back(number);
}

}  // namespace bulkhead::probes
