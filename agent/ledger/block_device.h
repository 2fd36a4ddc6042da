// What sysfs says of a block device. Nothing in here is trusted: what cannot be read or is absurd is an error.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace bulkhead::ledger {

struct BlockDevice {
  std::uint32_t number = 0;  // major << 20 | minor
  std::uint64_t size = 0;    // bytes
  // Of its disk: never used again while the kernel runs (diskseq, 5.15).
  std::uint64_t disk_sequence = 0;
  // Names the storage on every host that has it, also after a reboot: "dm:<uuid>", "wwid:<id>"; empty for what has no
  // such name.
  std::string identity;
};

// NotFound for a number that no device has.
absl::StatusOr<BlockDevice> block_device(std::uint32_t number, const std::string& sysfs = "/sys");

// All of them.
std::vector<BlockDevice> block_devices(const std::string& sysfs = "/sys");

}  // namespace bulkhead::ledger
