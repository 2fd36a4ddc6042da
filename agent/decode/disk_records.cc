#include "agent/decode/record_kinds.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "agent/decode/raw_fields.h"

namespace bulkhead::decode {

static_assert(static_cast<int>(BH_OPEN_RECEIVED) == v1::OPEN_METHOD_RECEIVED);

absl::StatusOr<Record> decode_file_open(std::span<const std::byte> bytes) {
  bh_file_open_record raw;
  if (!read_fixed(bytes, raw)) return too_short("file open", bytes.size());
  if (bytes.size() - sizeof(raw) < raw.path_length) return too_short("file open", bytes.size());
  if (raw.method == 0 || !v1::OpenMethod_IsValid(static_cast<int>(raw.method))) {
    return absl::InvalidArgumentError(absl::StrCat("file open record with method ", raw.method));
  }
  FileOpenRecord opened;
  opened.header = header_from(raw.header);
  opened.is_host_memory = (raw.header.flags & BH_FLAG_HOST_MEMORY) != 0;
  opened.is_host_file = (raw.header.flags & BH_FLAG_HOST_FILE) != 0;
  opened.is_guest_memory = (raw.header.flags & BH_FLAG_GUEST_MEMORY) != 0;
  opened.file = file_key_from(raw.file);
  opened.path = path_from(bytes.subspan(sizeof(raw), raw.path_length), (raw.header.flags & BH_FLAG_PATH_CUT) != 0);
  opened.open.set_method(static_cast<v1::OpenMethod>(raw.method));
  opened.open.set_flags(raw.open_flags);
  opened.open.set_device(raw.file.device);
  opened.open.set_inode(raw.file.inode);
  opened.open.set_generation(raw.file.generation);
  opened.open.set_block_device(opened.file.block_device);
  opened.open.set_link_count(raw.link_count);
  return opened;
}

absl::StatusOr<Record> decode_residue(std::span<const std::byte> bytes) {
  bh_residue_record raw;
  if (!read_fixed(bytes, raw)) return too_short("residue", bytes.size());
  if (raw.extents_count > BH_RESIDUE_EXTENTS) {
    return absl::InvalidArgumentError(absl::StrCat("residue record with ", raw.extents_count, " extents"));
  }
  ResidueRecord read;
  read.header = header_from(raw.header);
  read.file = file_key_from(raw.file);
  read.residue.set_bytes(raw.bytes);
  read.residue.set_reads(raw.reads);
  read.residue.set_device(raw.file.device);
  for (const bh_extent& extent : std::span(raw.extents, raw.extents_count)) {
    v1::Extent& told = *read.residue.add_extents();
    told.set_offset(extent.offset);
    told.set_length(extent.length);
  }
  return read;
}

}  // namespace bulkhead::decode
