#include "agent/ownership/descendants.h"

#include <filesystem>
#include <fstream>
#include <set>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace bulkhead::ownership {

namespace {

// /proc/<pid>/task/<tid>/children lists the children that each thread forked (CONFIG_PROC_CHILDREN).
std::vector<std::uint32_t> children_of(std::uint32_t pid, const std::string& proc_dir) {
  std::vector<std::uint32_t> children;
  std::error_code error;
  for (const auto& thread : std::filesystem::directory_iterator(absl::StrCat(proc_dir, "/", pid, "/task"), error)) {
    std::ifstream file(thread.path() / "children");
    std::uint32_t child = 0;
    while (file >> child) children.push_back(child);
  }
  return children;
}

}  // namespace

std::vector<std::uint32_t> descendants_of(std::uint32_t pid, const std::string& proc_dir) {
  std::vector<std::uint32_t> found;
  std::set<std::uint32_t> known = {pid};
  std::vector<std::uint32_t> generation = {pid};
  while (!generation.empty()) {
    std::vector<std::uint32_t> next;
    for (const std::uint32_t parent : generation) {
      for (const std::uint32_t child : children_of(parent, proc_dir)) {
        if (known.insert(child).second) next.push_back(child);
      }
    }
    found.insert(found.end(), next.begin(), next.end());
    generation = std::move(next);
  }
  return found;
}

}  // namespace bulkhead::ownership
