// A ledger's bits as runs, for keeping and sending, and as extents, for people. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "agent/probes/ledger_maps.h"
#include "bulkhead/v1/disk.pb.h"

namespace bulkhead::ledger {

using Words = std::span<const probes::LedgerWord>;

// Which bit of a granule: LedgerWord::clean or LedgerWord::touched.
using Bit = std::uint64_t probes::LedgerWord::*;

// Lengths in granules, in turn: those whose bit is not set, set, not set, …, from granule 0 on. Their sum is
// `granules`.
std::vector<std::uint32_t> runs_of(Words words, std::uint64_t granules, Bit bit = &probes::LedgerWord::clean);

// Runs as of granules that are 2^by times as large: clean is what was clean whole, touched what was touched at all.
std::vector<std::uint32_t> coarsened(std::span<const std::uint32_t> runs, std::uint32_t by, Bit bit);

// Sets the bits of the runs. InvalidArgument, and nothing is set, when they are more than `granules`.
absl::Status set_runs(std::span<const std::uint32_t> runs, std::uint64_t granules, std::span<probes::LedgerWord> words,
                      Bit bit = &probes::LedgerWord::clean);

struct Remaining {
  std::uint64_t bytes = 0;
  std::uint64_t extents = 0;
  std::vector<v1::Extent> first;  // by offset
};

// What is not clean. `size` is the volume's: its last granule may be a short one.
Remaining remaining_of(Words words, std::uint64_t size, std::uint32_t granule_shift, std::size_t at_most);

}  // namespace bulkhead::ledger
