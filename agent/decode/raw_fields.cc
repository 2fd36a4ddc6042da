#include "agent/decode/raw_fields.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"

namespace bulkhead::decode {

Header header_from(const bh_header& raw) {
  return Header{.time_ns = raw.time_ns,
                .actor_key = {raw.actor_tgid, raw.actor_start_ns, raw.actor_exec_id},
                .actor_tid = raw.actor_tid,
                .actor_uid = raw.actor_uid,
                .actor_login_uid = raw.actor_login_uid,
                .actor = {raw.actor.tenant, raw.actor.domain},
                .object = {raw.object.tenant, raw.object.domain},
                .probe = static_cast<v1::Probe>(raw.probe),
                .trusted = (raw.flags & BH_FLAG_TRUSTED) != 0};
}

FileKey file_key_from(const bh_file_key& raw) {
  return {.inode = raw.inode,
          .device = raw.device,
          .generation = raw.generation,
          .block_device = raw.is_block == BH_BLOCK_DEVICE,
          .character_device = raw.is_block == BH_CHARACTER_DEVICE};
}

std::string bounded_text(const char* text, std::size_t capacity) {
  return std::string(text, strnlen(text, capacity));
}

std::string path_from(std::span<const std::byte> tail, bool cut) {
  std::vector<std::string_view> components;
  std::string_view rest(reinterpret_cast<const char*>(tail.data()), tail.size());
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\0'), rest.size());
    if (end > 0) components.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  std::string path = cut ? "…" : "";
  for (auto component = components.rbegin(); component != components.rend(); ++component) {
    path += '/';
    path += *component;
  }
  return path.empty() ? "/" : path;
}

absl::Status too_short(const char* kind, std::size_t size) {
  return absl::InvalidArgumentError(absl::StrCat(kind, " record of ", size, " bytes is too short"));
}

}  // namespace bulkhead::decode
