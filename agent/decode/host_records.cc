#include "agent/decode/record_kinds.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "agent/decode/raw_fields.h"

namespace bulkhead::decode {

namespace {

static_assert(static_cast<int>(BH_HOLDING_MAPPING) == v1::HOLDING_KIND_MAPPING);

bool can_be_held(std::uint32_t kind) {
  static_assert(static_cast<int>(BH_HELD_GUEST_MEMORY) == v1::OBJECT_KIND_GUEST_MEMORY &&
                static_cast<int>(BH_HELD_VOLUME) == v1::OBJECT_KIND_VOLUME &&
                static_cast<int>(BH_HELD_HOST_MEMORY) == v1::OBJECT_KIND_HOST_MEMORY &&
                static_cast<int>(BH_HELD_VIRTUAL_MACHINE) == v1::OBJECT_KIND_VIRTUAL_MACHINE);
  return kind == BH_HELD_GUEST_MEMORY || kind == BH_HELD_VOLUME || kind == BH_HELD_HOST_MEMORY ||
         kind == BH_HELD_VIRTUAL_MACHINE;
}

}  // namespace

absl::StatusOr<Record> decode_holding(std::span<const std::byte> bytes) {
  bh_holding_record raw;
  if (!read_fixed(bytes, raw) || bytes.size() - sizeof(raw) < raw.path_length) {
    return too_short("holding", bytes.size());
  }
  if (raw.kind == 0 || !v1::HoldingKind_IsValid(static_cast<int>(raw.kind)) || !can_be_held(raw.held)) {
    return absl::InvalidArgumentError(absl::StrCat("holding record of kind ", raw.kind, ", object ", raw.held));
  }
  HoldingRecord holding;
  holding.header = header_from(raw.header);
  holding.held = static_cast<v1::ObjectKind>(raw.held);
  holding.file = file_key_from(raw.file);
  holding.target_tgid = raw.target_tgid;
  holding.target_start_ns = raw.target_start_ns;
  holding.path = path_from(bytes.subspan(sizeof(raw), raw.path_length), (raw.header.flags & BH_FLAG_PATH_CUT) != 0);
  v1::Holding& told = holding.holding;
  told.set_kind(static_cast<v1::HoldingKind>(raw.kind));
  told.set_descriptor_number(raw.descriptor);
  told.set_open_flags(raw.open_flags);
  told.set_writable(raw.writable != 0);
  told.set_mapped_bytes(raw.mapped_bytes);
  told.set_device(raw.file.device);
  told.set_inode(raw.file.inode);
  told.set_generation(raw.file.generation);
  told.set_block_device(raw.file.is_block != 0);
  told.set_after_detach((raw.header.flags & BH_FLAG_AFTER_DETACH) != 0);
  return holding;
}

}  // namespace bulkhead::decode
