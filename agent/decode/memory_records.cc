#include "agent/decode/record_kinds.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "agent/decode/raw_fields.h"

namespace bulkhead::decode {

static_assert(static_cast<int>(BH_MEMORY_USERFAULTFD_RECEIVE) == v1::MEMORY_OPERATION_USERFAULTFD_RECEIVE);

absl::StatusOr<Record> decode_memory(std::span<const std::byte> bytes) {
  bh_memory_record raw;
  if (!read_fixed(bytes, raw)) return too_short("memory", bytes.size());
  if (raw.operation == 0 || !v1::MemoryOperation_IsValid(static_cast<int>(raw.operation))) {
    return absl::InvalidArgumentError(absl::StrCat("memory record with operation ", raw.operation));
  }
  MemoryRecord memory;
  memory.header = header_from(raw.header);
  memory.target_tgid = raw.target_tgid;
  memory.target_start_ns = raw.target_start_ns;
  memory.access.set_operation(static_cast<v1::MemoryOperation>(raw.operation));
  memory.access.set_target_thread_id(raw.target_tid);
  memory.access.set_address(raw.address);
  memory.access.set_result(raw.result);
  memory.access.set_ptrace_request(raw.ptrace_request);
  memory.access.set_open_flags(raw.open_flags);
  memory.access.set_descriptor_number(raw.descriptor);
  return memory;
}

absl::StatusOr<Record> decode_merge(std::span<const std::byte> bytes) {
  bh_merge_record raw;
  if (!read_fixed(bytes, raw)) return too_short("merge", bytes.size());
  MergeRecord merge;
  merge.header = header_from(raw.header);
  merge.target_tgid = raw.target_tgid;
  merge.target_start_ns = raw.target_start_ns;
  merge.pages = raw.pages;
  return merge;
}

absl::StatusOr<Record> decode_siblings(std::span<const std::byte> bytes) {
  bh_siblings_record raw;
  if (!read_fixed(bytes, raw)) return too_short("siblings", bytes.size());
  SiblingsRecord siblings;
  siblings.header = header_from(raw.header);
  siblings.target_tgid = raw.target_tgid;
  siblings.target_start_ns = raw.target_start_ns;
  siblings.time.set_shared_ns(raw.shared_ns);
  siblings.time.set_overlaps(raw.overlaps);
  siblings.time.set_window_ns(raw.window_ns);
  return siblings;
}

absl::StatusOr<Record> decode_core(std::span<const std::byte> bytes) {
  bh_core_record raw;
  if (!read_fixed(bytes, raw)) return too_short("core", bytes.size());
  CoreRecord core;
  core.header = header_from(raw.header);
  core.signal = raw.signal;
  core.limit = raw.limit;
  return core;
}

}  // namespace bulkhead::decode
