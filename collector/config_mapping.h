// Reads one mapping of a YAML file strictly: each key has its reader, any other key is an error.
#pragma once

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace bulkhead::collector {

// Errors are kInvalidArgument: "file:line: what is wrong", with the nearest known key for an unknown one. What is
// referred to outlives the mapping.
class ConfigMapping {
 public:
  using Reader = std::function<absl::Status(const std::string& name, const YAML::Node& value)>;

  explicit ConfigMapping(const std::string& file) : file_(file) {}

  void text(const std::string& key, std::optional<std::string>& to);
  void texts(const std::string& key, std::vector<std::string>& to);
  void flag(const std::string& key, std::optional<bool>& to);
  void number(const std::string& key, std::uint64_t least, std::uint64_t most, std::optional<std::uint64_t>& to);
  void section(const std::string& key, ConfigMapping& mapping);
  void value(const std::string& key, Reader reader) { readers_.emplace_back(key, std::move(reader)); }

  // `prefix` goes before the keys in errors, such as "alerts.".
  absl::Status read(const YAML::Node& node, const std::string& prefix) const;

  absl::Status bad(const YAML::Node& node, const std::string& why) const;

 private:
  absl::Status unknown(const YAML::Node& node, const std::string& key) const;

  const std::string& file_;
  std::vector<std::pair<std::string, Reader>> readers_;
};

}  // namespace bulkhead::collector
