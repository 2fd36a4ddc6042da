#include "agent/decode/decoder.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "agent/decode/raw_fields.h"
#include "agent/decode/record_kinds.h"

namespace bulkhead::decode {

namespace {

static_assert(static_cast<int>(BH_PROBE_MEMORY_PROCESS_VM) == v1::PROBE_MEMORY_PROCESS_VM);
static_assert(static_cast<int>(BH_PROBE_CONTROL_VMM_LIFECYCLE) == v1::PROBE_CONTROL_VMM_LIFECYCLE);
static_assert(static_cast<int>(BH_PROBE_CONTROL_ENDPOINT) == v1::PROBE_CONTROL_ENDPOINT);
static_assert(static_cast<int>(BH_PROBE_MEMORY_INSTRUMENT) == v1::PROBE_MEMORY_INSTRUMENT);
static_assert(static_cast<int>(BH_PROBE_MEMORY_CORE_DUMP) == v1::PROBE_MEMORY_CORE_DUMP);
static_assert(static_cast<int>(BH_PROBE_DISK_BLOCK_IO) == v1::PROBE_DISK_BLOCK_IO);
static_assert(static_cast<int>(BH_PROBE_SCHED_SIBLINGS) == v1::PROBE_SCHED_SIBLINGS);
static_assert(static_cast<int>(BH_PROBE_MEMORY_UPROBE) == v1::PROBE_MEMORY_UPROBE);
static_assert(static_cast<int>(BH_PROBE_HOST_SWEEP) == v1::PROBE_HOST_SWEEP);
static_assert(static_cast<int>(BH_PROBE_DISK_MAPPING) == v1::PROBE_DISK_MAPPING);
static_assert(static_cast<int>(BH_PROBE_VMM_CONFINEMENT) == v1::PROBE_VMM_CONFINEMENT);

// A walk that ended at its limits may not have reached the root: what is near it, the unit, is then not known.
bool is_cut_cgroup(std::span<const std::byte> tail) {
  const auto components = std::ranges::count(tail, std::byte{0});
  return tail.size() >= BH_CGROUP_CAPACITY || components >= BH_CGROUP_DEPTH;
}

absl::StatusOr<Record> decode_actor(std::span<const std::byte> bytes) {
  bh_actor_record raw;
  if (!read_fixed(bytes, raw)) return too_short("actor", bytes.size());
  const std::span<const std::byte> tail = bytes.subspan(sizeof(raw));
  if (tail.size() < std::size_t{raw.path_length} + raw.cgroup_length) return too_short("actor", bytes.size());

  ActorRecord actor;
  actor.header = header_from(raw.header);
  if (raw.path_length > 0) {
    actor.executable = path_from(tail.first(raw.path_length), (raw.header.flags & BH_FLAG_PATH_CUT) != 0);
  }
  actor.executable_file = file_key_from(raw.executable);
  actor.command = bounded_text(raw.command, sizeof(raw.command));
  for (const bh_process& ancestor : raw.lineage) {
    if (ancestor.tgid == 0) break;
    actor.lineage.push_back(
        {ancestor.tgid, ancestor.start_ns, bounded_text(ancestor.command, sizeof(ancestor.command))});
  }
  const std::span<const std::byte> cgroup = tail.subspan(raw.path_length, raw.cgroup_length);
  actor.cgroup = path_from(cgroup, is_cut_cgroup(cgroup));
  return actor;
}

}  // namespace

absl::StatusOr<Record> decode(std::span<const std::byte> bytes) {
  bh_header header;
  if (!read_fixed(bytes, header)) return too_short("kernel", bytes.size());
  if (header.size != bytes.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("kernel record says ", header.size, " bytes and has ", bytes.size()));
  }
  const bool actor = header.kind == BH_RECORD_ACTOR;  // belongs to no probe
  if (!actor && (header.probe == 0 || header.probe == v1::PROBE_AGENT || !v1::Probe_IsValid(header.probe))) {
    return absl::InvalidArgumentError(absl::StrCat("kernel record of probe ", header.probe));
  }
  switch (header.kind) {
    case BH_RECORD_ACTOR:
      return decode_actor(bytes);
    case BH_RECORD_MEMORY:
      return decode_memory(bytes);
    case BH_RECORD_FILE_OPEN:
      return decode_file_open(bytes);
    case BH_RECORD_VOLUME_IO:
      return decode_volume_io(bytes);
    case BH_RECORD_VOLUME_CHANGE:
      return decode_volume_change(bytes);
    case BH_RECORD_DELIVERY:
      return decode_delivery(bytes);
    case BH_RECORD_LIFECYCLE:
      return decode_lifecycle(bytes);
    case BH_RECORD_CONTROL_CALL:
      return decode_control(bytes);
    case BH_RECORD_ENDPOINT:
      return decode_endpoint(bytes);
    case BH_RECORD_SIGNAL:
      return decode_signal(bytes);
    case BH_RECORD_CANARY:
      return decode_canary(bytes);
    case BH_RECORD_MERGE:
      return decode_merge(bytes);
    case BH_RECORD_RESIDUE_READ:
      return decode_residue(bytes);
    case BH_RECORD_SIBLINGS:
      return decode_siblings(bytes);
    case BH_RECORD_CORE:
      return decode_core(bytes);
    case BH_RECORD_VOLUME_MAPPING:
      return decode_mapping(bytes);
    case BH_RECORD_VMM_ACT:
      return decode_vmm_act(bytes);
    case BH_RECORD_HOLDING:
      return decode_holding(bytes);
  }
  return absl::InvalidArgumentError(absl::StrCat("kernel record of kind ", header.kind));
}

const Header& header_of(const Record& record) {
  return std::visit([](const auto& one) -> const Header& { return one.header; }, record);
}

}  // namespace bulkhead::decode
