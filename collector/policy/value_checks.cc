#include "collector/policy/value_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "collector/policy/unique_names.h"
#include "text/nearest_name.h"

namespace bulkhead::policy {

namespace {

// Pairs of characters that one search may compare: some milliseconds.
constexpr std::size_t kSearchCost = 1u << 20;

}  // namespace

void check_tenants(const std::vector<Text>& tenants, const std::set<std::string>& known, Faults& faults) {
  UniqueNames unique("tenant", faults);
  for (const Text& tenant : tenants) {
    unique.add(tenant);
    if (known.contains(tenant.value)) continue;
    faults.add(tenant.place, fmt::format("tenant {} is not one of tenants{}", shown(tenant.value),
                                         did_you_mean(tenant.value, known, faults)));
  }
}

void check_path(const Text& path, std::size_t longest, Faults& faults) {
  const std::string& text = path.value;
  if (!text.starts_with('/') || text.size() > longest ||
      std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; })) {
    return faults.add(path.place, fmt::format("{} is not an absolute path", shown(text)));
  }
  const std::string normal = std::filesystem::path(text).lexically_normal();
  if (normal != text) faults.add(path.place, fmt::format("{} is written {} in short", shown(text), shown(normal)));
}

std::string did_you_mean(const std::string& name, const std::set<std::string>& known, const Faults& faults) {
  if (faults.is_full()) return "";
  std::size_t characters = 0;
  for (const std::string& one : known) characters += one.size();
  if (name.size() * characters > kSearchCost) return "";
  const std::vector<std::string_view> names(known.begin(), known.end());
  return text::did_you_mean(name, names);
}

}  // namespace bulkhead::policy
