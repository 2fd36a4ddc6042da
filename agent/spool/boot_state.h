// The little that a boot's queue must remember beside its segments.
#pragma once

#include <cstdint>
#include <filesystem>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace bulkhead::spool {

struct BootState {
  // A collector has settled the sequences of this boot.
  bool met = false;
  // Sequence on the wire minus sequence in the files.
  std::uint64_t offset = 0;
  // Local; may be behind the truth, then events are sent twice and stored once.
  std::uint64_t acknowledged = 0;
};

// kNotFound when there is none, kDataLoss when it is damaged.
absl::StatusOr<BootState> load_boot_state(const std::filesystem::path& path);
absl::Status save_boot_state(const std::filesystem::path& path, const BootState& state, bool durable);

}  // namespace bulkhead::spool
