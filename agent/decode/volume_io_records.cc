#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "agent/decode/raw_fields.h"
#include "agent/decode/record_kinds.h"

namespace bulkhead::decode {

static_assert(static_cast<int>(BH_VOLUME_IO_FILE) == v1::VOLUME_IO_LAYER_FILE);
static_assert(static_cast<int>(BH_VOLUME_IO_BLOCK) == v1::VOLUME_IO_LAYER_BLOCK);

absl::StatusOr<Record> decode_volume_io(std::span<const std::byte> bytes) {
  bh_volume_io_record raw;
  if (!read_fixed(bytes, raw)) return too_short("volume I/O", bytes.size());
  if (raw.layer == 0 || !v1::VolumeIoLayer_IsValid(static_cast<int>(raw.layer))) {
    return absl::InvalidArgumentError(absl::StrCat("volume I/O record of layer ", raw.layer));
  }
  VolumeIoRecord moved;
  moved.header = header_from(raw.header);
  moved.file = file_key_from(raw.file);
  moved.io.set_layer(static_cast<v1::VolumeIoLayer>(raw.layer));
  moved.io.set_reads(raw.amounts.reads);
  moved.io.set_bytes_read(raw.amounts.bytes_read);
  moved.io.set_writes(raw.amounts.writes);
  moved.io.set_bytes_written(raw.amounts.bytes_written);
  moved.io.set_bytes_discarded(raw.amounts.bytes_discarded);
  moved.io.set_bytes_mapped(raw.amounts.bytes_mapped);
  moved.io.set_window_ns(raw.window_ns);
  moved.io.set_device(raw.file.device);
  moved.io.set_inode(raw.file.inode);
  moved.io.set_generation(raw.file.generation);
  moved.io.set_block_device(moved.file.block_device);
  moved.io.set_after_detach((raw.header.flags & BH_FLAG_AFTER_DETACH) != 0);
  moved.io.set_writeback((raw.flags & BH_VOLUME_IO_WRITEBACK) != 0);
  return moved;
}

}  // namespace bulkhead::decode
