// One decoder for each kind of record, by the area that the probes are in. Each is given the bytes of a whole record.
// Only for this folder.
#pragma once

#include <cstddef>
#include <span>

#include "absl/status/statusor.h"
#include "agent/decode/records.h"

namespace bulkhead::decode {

// memory_records.cc
absl::StatusOr<Record> decode_memory(std::span<const std::byte> bytes);
absl::StatusOr<Record> decode_merge(std::span<const std::byte> bytes);
absl::StatusOr<Record> decode_siblings(std::span<const std::byte> bytes);
absl::StatusOr<Record> decode_core(std::span<const std::byte> bytes);
// disk_records.cc
absl::StatusOr<Record> decode_file_open(std::span<const std::byte> bytes);
absl::StatusOr<Record> decode_residue(std::span<const std::byte> bytes);
// volume_io_records.cc
absl::StatusOr<Record> decode_volume_io(std::span<const std::byte> bytes);
// volume_change_records.cc
absl::StatusOr<Record> decode_volume_change(std::span<const std::byte> bytes);
// mapping_records.cc
absl::StatusOr<Record> decode_mapping(std::span<const std::byte> bytes);
// network_records.cc
absl::StatusOr<Record> decode_delivery(std::span<const std::byte> bytes);
// control_records.cc
absl::StatusOr<Record> decode_control(std::span<const std::byte> bytes);
absl::StatusOr<Record> decode_endpoint(std::span<const std::byte> bytes);
absl::StatusOr<Record> decode_lifecycle(std::span<const std::byte> bytes);
// vmm_records.cc
absl::StatusOr<Record> decode_vmm_act(std::span<const std::byte> bytes);
// host_records.cc
absl::StatusOr<Record> decode_holding(std::span<const std::byte> bytes);
// agent_records.cc
absl::StatusOr<Record> decode_signal(std::span<const std::byte> bytes);
absl::StatusOr<Record> decode_canary(std::span<const std::byte> bytes);

}  // namespace bulkhead::decode
