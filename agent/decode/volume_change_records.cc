#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "agent/decode/raw_fields.h"
#include "agent/decode/record_kinds.h"

namespace bulkhead::decode {

static_assert(static_cast<int>(BH_CHANGE_RENAMED) == v1::VOLUME_CHANGE_KIND_RENAMED);
static_assert(static_cast<int>(BH_CHANGE_REPLACED) == v1::VOLUME_CHANGE_KIND_REPLACED);
static_assert(static_cast<int>(BH_CHANGE_CLONED_OVER) == v1::VOLUME_CHANGE_KIND_CLONED_OVER);
static_assert(static_cast<int>(BH_CHANGE_PERMISSIONS) == v1::VOLUME_CHANGE_KIND_PERMISSIONS);

absl::StatusOr<Record> decode_volume_change(std::span<const std::byte> bytes) {
  bh_volume_change_record raw;
  if (!read_fixed(bytes, raw)) return too_short("volume change", bytes.size());
  const std::span<const std::byte> tail = bytes.subspan(sizeof(raw));
  if (tail.size() < std::size_t{raw.path_length} + raw.other_length) return too_short("volume change", bytes.size());
  if (raw.change == 0 || !v1::VolumeChangeKind_IsValid(static_cast<int>(raw.change))) {
    return absl::InvalidArgumentError(absl::StrCat("volume change record of kind ", raw.change));
  }
  VolumeChangeRecord changed;
  changed.header = header_from(raw.header);
  changed.file = file_key_from(raw.file);
  if (raw.path_length > 0) {
    changed.path = path_from(tail.first(raw.path_length), (raw.header.flags & BH_FLAG_PATH_CUT) != 0);
  }
  if (raw.other_length > 0) {
    changed.change.set_other_path(
        path_from(tail.subspan(raw.path_length, raw.other_length), (raw.header.flags & BH_FLAG_OTHER_PATH_CUT) != 0));
  }
  changed.change.set_kind(static_cast<v1::VolumeChangeKind>(raw.change));
  changed.change.set_result(raw.result);
  changed.change.set_length(raw.length);
  changed.change.set_device(raw.file.device);
  changed.change.set_inode(raw.file.inode);
  changed.change.set_generation(raw.file.generation);
  changed.change.set_block_device(changed.file.block_device);
  return changed;
}

}  // namespace bulkhead::decode
