#include "collector/policy/operations.h"

#include <algorithm>

namespace bulkhead::policy {

const std::vector<std::string_view>& operation_names() {
  static const std::vector<std::string_view> names = {
      "memory-read", "memory-write", "memory-debug", "volume-read", "volume-write", "memory-dump", "memory-peek",
      "memory-save", "migrate",      "block-peek",   "block-copy",  "screenshot",   "console",     "guest-agent",
      "monitor",     "snapshot",     "attach",       "redefine",    "credentials",  "input",       "power"};
  return names;
}

static_assert(v1::OPERATION_MEMORY_READ == 1 && v1::OPERATION_POWER == 21 && v1::Operation_ARRAYSIZE == 22);

v1::Operation operation_of(std::string_view name) {
  const auto& names = operation_names();
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return v1::OPERATION_UNSPECIFIED;
  return static_cast<v1::Operation>(found - names.begin() + 1);
}

std::string_view name_of(v1::Operation operation) {
  const auto index = static_cast<std::size_t>(operation);
  return index == 0 || index > operation_names().size() ? "unspecified" : operation_names()[index - 1];
}

}  // namespace bulkhead::policy
