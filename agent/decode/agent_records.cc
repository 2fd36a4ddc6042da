#include "agent/decode/record_kinds.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "agent/decode/raw_fields.h"

namespace bulkhead::decode {

namespace {

// "PROCESS_VM_READ" of "MEMORY_OPERATION_PROCESS_VM_READ", in small letters.
std::string short_name(const std::string& name, std::size_t prefix) {
  return absl::AsciiStrToLower(name.substr(std::min(prefix, name.size())));
}

std::string canary_act(std::uint32_t act) {
  const int number = static_cast<int>(act & 0xff);
  if ((act & BH_CANARY_MEMORY) != 0) {
    return short_name(v1::MemoryOperation_Name(static_cast<v1::MemoryOperation>(number)), sizeof("MEMORY_OPERATION"));
  }
  if ((act & BH_CANARY_OPEN) != 0) {
    return short_name(v1::OpenMethod_Name(static_cast<v1::OpenMethod>(number)), sizeof("OPEN_METHOD"));
  }
  return short_name(v1::EndpointMethod_Name(static_cast<v1::EndpointMethod>(number)), sizeof("ENDPOINT_METHOD"));
}

}  // namespace

absl::StatusOr<Record> decode_signal(std::span<const std::byte> bytes) {
  bh_signal_record raw;
  if (!read_fixed(bytes, raw)) return too_short("signal", bytes.size());
  SignalRecord signal;
  signal.header = header_from(raw.header);
  signal.signal = raw.signal;
  return signal;
}

absl::StatusOr<Record> decode_canary(std::span<const std::byte> bytes) {
  bh_canary_record raw;
  if (!read_fixed(bytes, raw)) return too_short("canary", bytes.size());
  if (raw.hook_probe == 0 || !v1::Probe_IsValid(static_cast<int>(raw.hook_probe))) {
    return absl::InvalidArgumentError(absl::StrCat("canary record of probe ", raw.hook_probe));
  }
  CanaryRecord canary;
  canary.header = header_from(raw.header);
  canary.hook_probe = static_cast<v1::Probe>(raw.hook_probe);
  canary.act = canary_act(raw.act);
  canary.cpu = raw.cpu;
  return canary;
}

}  // namespace bulkhead::decode
