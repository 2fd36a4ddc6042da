#include "agent/inventory/vmdk_descriptor.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"

namespace bulkhead::inventory {
namespace {

std::string_view trim(std::string_view text) {
  const auto is_space = [](char c) { return absl::ascii_isspace(static_cast<unsigned char>(c)); };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(trim(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// What stands between the first two quotation marks.
std::string quoted(std::string_view line) {
  const std::size_t begin = line.find('"');
  if (begin == std::string_view::npos) return "";
  const std::size_t end = line.find('"', begin + 1);
  if (end == std::string_view::npos) return "";
  return std::string(line.substr(begin + 1, std::min(end - begin - 1, kMaxReferenceBytes)));
}

bool is_extent(std::string_view line) {
  return line.starts_with("RW ") || line.starts_with("RDONLY ") || line.starts_with("NOACCESS ");
}

}  // namespace

bool is_vmdk_descriptor(std::string_view start) {
  for (const std::string_view line : lines_of(start)) {
    if (line.empty() || line.starts_with('#')) continue;
    return line == "version=1" || line == "version=2" || line == "version=3";
  }
  return false;
}

void read_vmdk_descriptor(std::string_view text, ImageHeader& header) {
  text = text.substr(0, std::min(text.size(), text.find('\0')));
  for (const std::string_view line : lines_of(text)) {
    const bool is_parent = line.starts_with("parentFileNameHint");
    if (!is_parent && !is_extent(line)) continue;
    std::string name = quoted(line);
    if (name.empty()) continue;
    if (header.references.size() >= kMaxReferences) {
      header.problem = "it has more extents than are looked at";
      return;
    }
    // An extent of a VMDK is data, or a map of where data is: it names no other file.
    header.references.push_back({.name = std::move(name),
                                 .format = is_parent ? "vmdk" : "raw",
                                 .role = is_parent ? ImageRole::kBackingFile : ImageRole::kExtent});
  }
}

}  // namespace bulkhead::inventory
