#include "agent/inventory/saved_memory.h"

#include <filesystem>
#include <system_error>

#include "agent/inventory/domain_xml.h"

namespace bulkhead::inventory {

std::optional<Volume> saved_memory_of(const std::string& name, const std::string& directory) {
  if (name.find('/') != std::string::npos) return std::nullopt;
  const std::string path = directory + "/" + name + ".save";
  std::error_code error;
  if (path.size() > kMaxSourceBytes || !std::filesystem::is_regular_file(path, error)) return std::nullopt;
  return Volume{.source = path, .type = "saved", .target = "memory", .format = "raw"};
}

}  // namespace bulkhead::inventory
