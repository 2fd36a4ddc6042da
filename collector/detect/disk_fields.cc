#include <algorithm>
#include <cstdint>
#include <limits>

#include "collector/detect/field_makers.h"
#include "collector/detect/kernel_names.h"

namespace bulkhead::detect {
namespace {

using E = const v1::Event&;

Value amount(std::uint64_t number, bool present) {
  const std::uint64_t most = std::numeric_limits<std::int64_t>::max();
  return Value::of_number(static_cast<std::int64_t>(std::min(number, most)), present);
}

void add_io_fields(std::vector<Field>& table) {
  table.push_back(choice(
      "io.layer", kVolumeIo, names_of(*v1::VolumeIoLayer_descriptor(), "VOLUME_IO_LAYER_"),
      [](E e) -> int { return e.volume_io().layer(); },
      "`file`: calls on the file or device; `block`: what reached a block device"));
  table.push_back(number(
      "io.bytes_read", kVolumeIo, [](E e) { return amount(e.volume_io().bytes_read(), e.has_volume_io()); },
      "bytes read since the last such statement about the two"));
  table.push_back(number(
      "io.bytes_written", kVolumeIo, [](E e) { return amount(e.volume_io().bytes_written(), e.has_volume_io()); },
      "bytes written since then"));
  table.push_back(number(
      "io.bytes_discarded", kVolumeIo, [](E e) { return amount(e.volume_io().bytes_discarded(), e.has_volume_io()); },
      "bytes discarded, or zeroed by requests that carry none"));
  table.push_back(number(
      "io.bytes_mapped", kVolumeIo, [](E e) { return amount(e.volume_io().bytes_mapped(), e.has_volume_io()); },
      "bytes of it that were mapped"));
  table.push_back(flag(
      "io.write", kVolumeIo,
      [](E e) { return e.volume_io().bytes_written() != 0 || e.volume_io().bytes_discarded() != 0; },
      "something was written, zeroed or discarded"));
  table.push_back(flag(
      "io.after_detach", kVolumeIo, [](E e) { return e.volume_io().after_detach(); },
      "the volume was the actor's domain's, and is not any more"));
  table.push_back(flag(
      "io.writeback", kVolumeIo, [](E e) { return e.volume_io().writeback(); },
      "by a kernel thread, for the actor's cgroup"));
}

void add_change_fields(std::vector<Field>& table) {
  table.push_back(choice(
      "change.kind", kVolumeChange, names_of(*v1::VolumeChangeKind_descriptor(), "VOLUME_CHANGE_KIND_"),
      [](E e) -> int { return e.volume_change().kind(); }, "what was done with the volume"));
  table.push_back(number(
      "change.result", kVolumeChange,
      [](E e) { return Value::of_number(e.volume_change().result(), e.has_volume_change()); },
      "what the call returned: bytes copied, 0, or a negative errno"));
  table.push_back(made_text(
      "change.error", kVolumeChange, [](E e) { return errno_name(e.volume_change().result()); },
      "name of that errno; absent when the call succeeded"));
  table.push_back(text(
      "change.other_path", kVolumeChange, [](E e) -> auto& { return e.volume_change().other_path(); },
      "the new name, the copy, what took its place; a label"));
  table.push_back(choice(
      "mapping.kind", kVolumeMapping, names_of(*v1::VolumeMappingKind_descriptor(), "VOLUME_MAPPING_KIND_"),
      [](E e) -> int { return e.volume_mapping().kind(); }, "what the volume can be reached through"));
  table.push_back(text(
      "mapping.name", kVolumeMapping, [](E e) -> auto& { return e.volume_mapping().name(); },
      "the block device, such as `loop3`, or where it is mounted"));
  table.push_back(text(
      "mapping.type", kVolumeMapping, [](E e) -> auto& { return e.volume_mapping().type(); },
      "the device-mapper target, such as `crypt`, or the file system"));
  table.push_back(flag(
      "mapping.read_only", kVolumeMapping, [](E e) { return e.volume_mapping().read_only(); },
      "nothing can be written through it"));
  table.push_back(
      flag("mapping.removed", kVolumeMapping, [](E e) { return e.volume_mapping().removed(); }, "it is no longer so"));
}

void add_residue_fields(std::vector<Field>& table) {
  table.push_back(tenant(
      "residue.previous_tenant", kResidueRead | kWipeRecord,
      [](E e) -> auto& {
        return e.has_wipe_record() ? e.wipe_record().previous_tenant() : e.residue_read().previous_tenant();
      },
      "who had the volume before"));
  table.push_back(number(
      "residue.bytes", kResidueRead | kWipeRecord,
      [](E e) {
        return e.has_wipe_record() ? amount(e.wipe_record().bytes_remaining(), true)
                                   : amount(e.residue_read().bytes(), e.has_residue_read());
      },
      "bytes that were read, or remain, as the last tenant left them"));
  table.push_back(number(
      "residue.unobserved_s", kResidueRead | kWipeRecord,
      [](E e) {
        const std::uint64_t nanoseconds =
            e.has_wipe_record() ? e.wipe_record().unobserved_ns() : e.residue_read().unobserved_ns();
        return amount(nanoseconds / 1'000'000'000, e.has_wipe_record() || e.has_residue_read());
      },
      "seconds since the release in which nobody watched"));
  table.push_back(choice(
      "wipe.verdict", kWipeRecord, names_of(*v1::WipeVerdict_descriptor(), "WIPE_VERDICT_"),
      [](E e) -> int { return e.wipe_record().verdict(); }, "whether the volume was wiped between two tenants"));
  table.push_back(tenant(
      "wipe.next_tenant", kWipeRecord, [](E e) -> auto& { return e.wipe_record().next_tenant(); },
      "whose it is now; absent while it is nobody's"));
  table.push_back(number(
      "wipe.size", kWipeRecord, [](E e) { return amount(e.wipe_record().size(), e.has_wipe_record()); },
      "size of the volume, bytes"));
  table.push_back(text(
      "shared.identity", kSharedVolume, [](E e) -> auto& { return e.shared_volume().identity(); },
      "names the storage on every host that has it"));
  table.push_back(number(
      "shared.holders", kSharedVolume,
      [](E e) { return Value::of_number(e.shared_volume().holders_size(), e.has_shared_volume()); },
      "domains that have it"));
}

}  // namespace

void add_disk_fields(std::vector<Field>& table) {
  add_io_fields(table);
  add_change_fields(table);
  add_residue_fields(table);
}

}  // namespace bulkhead::detect
