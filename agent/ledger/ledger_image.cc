#include "agent/ledger/ledger_image.h"

#include <algorithm>
#include <atomic>
#include <bit>

namespace bulkhead::ledger {

namespace {

constexpr std::uint64_t kWord = 64;

// The first granule from `from` on whose bit is `set`; `granules` when there is none.
std::uint64_t find(Words words, std::uint64_t granules, std::uint64_t from, Bit bit, bool set) {
  while (from < granules) {
    const std::uint64_t bits = words[from / kWord].*bit;
    const std::uint64_t wanted = (set ? bits : ~bits) >> (from % kWord);
    if (wanted != 0) return std::min(granules, from + static_cast<std::uint64_t>(std::countr_zero(wanted)));
    from = (from / kWord + 1) * kWord;
  }
  return granules;
}

void set_bits(std::span<probes::LedgerWord> words, std::uint64_t first, std::uint64_t end, Bit bit) {
  for (std::uint64_t granule = first; granule < end;) {
    const std::uint64_t in_word = std::min(end - granule, kWord - granule % kWord);
    const std::uint64_t mask = (in_word == kWord ? ~std::uint64_t{0} : (std::uint64_t{1} << in_word) - 1)
                               << (granule % kWord);
    // The kernel sets bits of the same word meanwhile.
    std::atomic_ref(words[granule / kWord].*bit).fetch_or(mask, std::memory_order_relaxed);
    granule += in_word;
  }
}

}  // namespace

std::vector<std::uint32_t> runs_of(Words words, std::uint64_t granules, Bit bit) {
  std::vector<std::uint32_t> runs;
  bool set = false;
  for (std::uint64_t granule = 0; granule < granules; set = !set) {
    const std::uint64_t end = find(words, granules, granule, bit, !set);
    runs.push_back(static_cast<std::uint32_t>(end - granule));
    granule = end;
  }
  return runs;
}

std::vector<std::uint32_t> coarsened(std::span<const std::uint32_t> runs, std::uint32_t by, Bit bit) {
  const std::uint64_t factor = std::uint64_t{1} << by;
  const bool whole = bit == &probes::LedgerWord::clean;
  std::vector<std::uint32_t> coarse;
  std::uint64_t from = 0, done = 0;  // granules, coarse granules
  for (std::size_t i = 0; i < runs.size(); from += runs[i++]) {
    if (i % 2 == 0) continue;
    const std::uint64_t to = from + runs[i];
    const std::uint64_t first = std::max(done, whole ? (from + factor - 1) / factor : from / factor);
    const std::uint64_t end = whole ? to / factor : (to + factor - 1) / factor;
    if (first >= end) continue;
    if (first == done && !coarse.empty()) {
      coarse.back() += static_cast<std::uint32_t>(end - first);
    } else {
      coarse.push_back(static_cast<std::uint32_t>(first - done));
      coarse.push_back(static_cast<std::uint32_t>(end - first));
    }
    done = end;
  }
  return coarse;
}

absl::Status set_runs(std::span<const std::uint32_t> runs, std::uint64_t granules, std::span<probes::LedgerWord> words,
                      Bit bit) {
  std::uint64_t sum = 0;
  for (const std::uint32_t run : runs) sum += run;
  if (sum > granules) return absl::InvalidArgumentError("a ledger has more granules than its volume");
  std::uint64_t granule = 0;
  for (std::size_t i = 0; i < runs.size(); granule += runs[i++]) {
    if (i % 2 == 1) set_bits(words, granule, granule + runs[i], bit);
  }
  return absl::OkStatus();
}

Remaining remaining_of(Words words, std::uint64_t size, std::uint32_t granule_shift, std::size_t at_most) {
  Remaining remaining;
  const std::uint64_t granules = size == 0 ? 0 : ((size - 1) >> granule_shift) + 1;
  for (std::uint64_t granule = 0; granule < granules;) {
    const std::uint64_t first = find(words, granules, granule, &probes::LedgerWord::clean, false);
    if (first == granules) break;
    const std::uint64_t end = find(words, granules, first, &probes::LedgerWord::clean, true);
    const std::uint64_t start_byte = first << granule_shift;
    const std::uint64_t end_byte = std::min(size, end << granule_shift);
    remaining.bytes += end_byte - start_byte;
    ++remaining.extents;
    if (remaining.first.size() < at_most) {
      v1::Extent& extent = remaining.first.emplace_back();
      extent.set_offset(start_byte);
      extent.set_length(end_byte - start_byte);
    }
    granule = end;
  }
  return remaining;
}

}  // namespace bulkhead::ledger
