// Strict reading of YAML: every key is known, stands once, and has a value of its type. What is wrong is said in one
// line, "file:line:column: cause". Internal to agent/config: yaml-cpp stays behind it.
#pragma once

#include <yaml-cpp/yaml.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace bulkhead::config {

inline constexpr std::size_t kMaxYamlBytes = 8u << 20;

// A node and the file that it stands in, for messages.
struct YamlValue {
  YAML::Node node;
  std::string_view file;

  YamlValue with(const YAML::Node& other) const { return {other, file}; }
};

absl::Status error_at(const YamlValue& value, std::string_view cause);
// The same position for a cause that another check found.
absl::Status error_at(const YamlValue& value, const absl::Status& cause);

// The whole of a regular file. NotFound, PermissionDenied or InvalidArgument (too large), with the path.
absl::StatusOr<std::string> read_text_file(const std::string& path);

// One document. An empty one is a null node.
absl::StatusOr<YAML::Node> parse_yaml(std::string_view bytes, std::string_view file);

// `what` names the value in messages, such as "libvirt.uri".
absl::Status read_string(const YamlValue& value, std::string_view what, std::string& target);
absl::Status read_bool(const YamlValue& value, std::string_view what, bool& target);
absl::Status read_unsigned(const YamlValue& value, std::string_view what, std::uint64_t& target);
// A number with its unit, such as "500ms", "2s", "1m30s".
absl::Status read_duration(const YamlValue& value, std::string_view what, std::chrono::milliseconds& target);
// Index of the word among `words`.
absl::Status read_word(const YamlValue& value, std::string_view what, std::span<const std::string_view> words,
                       std::size_t& target);
absl::Status expect_list(const YamlValue& value, std::string_view what);

// Checks that `value` is a mapping whose keys are among `known`, each once. `what` is empty for the document itself.
absl::Status expect_map(const YamlValue& value, std::string_view what, std::span<const std::string_view> known);

// One key of a section and how its value is read.
template <class Target>
struct YamlKey {
  std::string_view name;
  absl::Status (*read)(const YamlValue& value, Target& target);
};

template <class Target, std::size_t kCount>
std::vector<std::string_view> names_of(const YamlKey<Target> (&keys)[kCount]) {
  std::vector<std::string_view> names;
  for (const auto& key : keys) names.push_back(key.name);
  return names;
}

template <class Target, std::size_t kCount>
absl::Status read_map(const YamlValue& value, std::string_view what, const YamlKey<Target> (&keys)[kCount],
                      Target& target) {
  const auto names = names_of(keys);
  if (auto status = expect_map(value, what, names); !status.ok()) return status;
  for (const auto& key : keys) {
    const YAML::Node child = value.node[std::string(key.name)];
    if (!child.IsDefined()) continue;
    if (auto status = key.read(value.with(child), target); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace bulkhead::config
