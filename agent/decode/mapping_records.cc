#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "agent/decode/raw_fields.h"
#include "agent/decode/record_kinds.h"
#include "ebpf/records/mapping.h"

namespace bulkhead::decode {

namespace {

constexpr std::uint32_t kMinorBits = 20;

// The value of a variable of the kernel's event, strings "NAME=value" that end with NUL. One that is cut off at the
// end is not there.
std::string_view variable(std::string_view event, std::string_view name) {
  while (!event.empty()) {
    const std::size_t end = event.find('\0');
    if (end == std::string_view::npos) return {};
    const std::string_view line = event.substr(0, end);
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == '=') {
      return line.substr(name.size() + 1);
    }
    event.remove_prefix(end + 1);
  }
  return {};
}

std::optional<std::uint32_t> number(std::string_view text, std::uint32_t limit) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value >= limit) return std::nullopt;
  return value;
}

}  // namespace

absl::StatusOr<Record> decode_mapping(std::span<const std::byte> bytes) {
  bh_mapping_record raw;
  if (!read_fixed(bytes, raw) || bytes.size() - sizeof(raw) < raw.text_length) {
    return too_short("mapping", bytes.size());
  }
  if (raw.act != BH_MAPPING_BLOCK_EVENT && raw.act != BH_MAPPING_MOUNT) {
    return absl::InvalidArgumentError(absl::StrCat("mapping record of act ", raw.act));
  }
  MappingRecord record;
  record.header = header_from(raw.header);
  record.is_mount = raw.act == BH_MAPPING_MOUNT;
  const std::span<const std::byte> tail = bytes.subspan(sizeof(raw), raw.text_length);
  if (!record.is_mount) {
    const std::string_view event(reinterpret_cast<const char*>(tail.data()), tail.size());
    const auto major = number(variable(event, "MAJOR"), 1u << (32 - kMinorBits));
    const auto minor = number(variable(event, "MINOR"), 1u << kMinorBits);
    // Of what has no number, such as a controller below a folder of that name: all may have changed.
    record.device = major && minor ? *major << kMinorBits | *minor : 0;
    return record;
  }
  record.device = raw.device;
  record.root = file_key_from(raw.root);
  std::ranges::copy(raw.uuid, record.file_system.begin());
  record.type = bounded_text(raw.type, sizeof(raw.type));
  record.read_only = raw.read_only != 0;
  // One that is not attached anywhere has no place yet.
  if (!tail.empty()) record.path = path_from(tail, (raw.header.flags & BH_FLAG_PATH_CUT) != 0);
  return record;
}

}  // namespace bulkhead::decode
