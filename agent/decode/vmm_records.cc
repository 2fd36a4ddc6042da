#include "agent/decode/record_kinds.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "agent/decode/call_names.h"
#include "agent/decode/raw_fields.h"

namespace bulkhead::decode {

static_assert(static_cast<int>(BH_VMM_ACT_PTRACE) == v1::VMM_ACT_KIND_PTRACE);

absl::StatusOr<Record> decode_vmm_act(std::span<const std::byte> bytes) {
  bh_vmm_act_record raw;
  if (!read_fixed(bytes, raw)) return too_short("VMM's act", bytes.size());
  if (bytes.size() - sizeof(raw) < raw.path_length) return too_short("VMM's act", bytes.size());
  if (raw.act == 0 || !v1::VmmActKind_IsValid(static_cast<int>(raw.act))) {
    return absl::InvalidArgumentError(absl::StrCat("record of a VMM's act ", raw.act));
  }
  VmmActRecord act;
  act.header = header_from(raw.header);
  if (raw.act == BH_VMM_ACT_EXECUTE) {
    act.path = path_from(bytes.subspan(sizeof(raw), raw.path_length), (raw.header.flags & BH_FLAG_PATH_CUT) != 0);
  }
  act.call = raw.call == BH_CALL_CLONE ? "clone" : call_name(raw.call);
  act.act.set_kind(static_cast<v1::VmmActKind>(raw.act));
  act.act.set_result(raw.result);
  act.act.set_argument(raw.argument);
  return act;
}

}  // namespace bulkhead::decode
