#include "collector/config_file.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "text/nearest_name.h"
#include "text/yaml_document.h"

namespace bulkhead::collector {

namespace {

constexpr std::size_t kFileBytes = 1u << 20;

// Reads one mapping: each key has its reader, any other key is an error.
class Mapping {
 public:
  explicit Mapping(const std::string& file) : file_(file) {}

  void text(const std::string& key, std::optional<std::string>& to) {
    readers_.emplace_back(key, [this, &to](const std::string& name, const YAML::Node& value) -> absl::Status {
      if (!value.IsScalar() || value.Scalar().empty()) return bad(value, absl::StrCat("'", name, "' must be a text"));
      to = value.Scalar();
      return absl::OkStatus();
    });
  }

  void flag(const std::string& key, std::optional<bool>& to) {
    readers_.emplace_back(key, [this, &to](const std::string& name, const YAML::Node& value) -> absl::Status {
      bool parsed = false;
      if (!value.IsScalar() || !YAML::convert<bool>::decode(value, parsed)) {
        return bad(value, absl::StrCat("'", name, "' must be true or false"));
      }
      to = parsed;
      return absl::OkStatus();
    });
  }

  void section(const std::string& key, Mapping& mapping) {
    readers_.emplace_back(
        key, [&mapping](const std::string& name, const YAML::Node& value) { return mapping.read(value, name + "."); });
  }

  absl::Status read(const YAML::Node& node, const std::string& prefix) const {
    if (node.IsNull()) return absl::OkStatus();
    if (!node.IsMap()) return bad(node, absl::StrCat("'", prefix, "' must be a mapping of keys to values"));
    std::set<std::string> seen;
    for (const auto& item : node) {
      if (!item.first.IsScalar()) return bad(item.first, "a key must be a word");
      const std::string& key = item.first.Scalar();
      if (!seen.insert(key).second) return bad(item.first, absl::StrCat("'", prefix, key, "' is there twice"));
      const auto reader = std::find_if(readers_.begin(), readers_.end(), [&](const auto& r) { return r.first == key; });
      if (reader == readers_.end()) return unknown(item.first, prefix + key);
      if (auto status = reader->second(prefix + key, item.second); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  absl::Status bad(const YAML::Node& node, const std::string& why) const {
    return absl::InvalidArgumentError(absl::StrCat(file_, ":", node.Mark().line + 1, ": ", why));
  }

  absl::Status unknown(const YAML::Node& node, const std::string& key) const {
    std::vector<std::string_view> known;
    for (const auto& [name, reader] : readers_) known.push_back(name);
    return bad(node, absl::StrCat("unknown key '", key.substr(0, 64), "'",
                                  text::did_you_mean(node.Scalar().substr(0, 64), known)));
  }

  using Reader = std::function<absl::Status(const std::string& name, const YAML::Node& value)>;
  const std::string& file_;
  std::vector<std::pair<std::string, Reader>> readers_;
};

absl::StatusOr<std::string> read_text(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": is a directory, not a configuration file"));
  }
  std::ifstream file(path, std::ios::binary);
  std::string text(kFileBytes + 1, '\0');
  if (!file) return absl::InvalidArgumentError(absl::StrCat(path, ": cannot be opened"));
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return absl::InvalidArgumentError(absl::StrCat(path, ": cannot be read"));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kFileBytes) return absl::InvalidArgumentError(absl::StrCat(path, ": is larger than 1 MiB"));
  return text;
}

}  // namespace

absl::StatusOr<ConfigFile> read_config_file(const std::string& path) {
  const auto content = read_text(path);
  if (!content.ok()) return content.status();
  ConfigFile config;
  Mapping alerts(path);
  alerts.flag("stdout", config.alerts_stdout);
  alerts.text("file", config.alerts_file);
  Mapping root(path);
  root.text("data_dir", config.data_dir);
  root.text("listen", config.listen);
  root.text("http", config.http);
  root.text("rules_dir", config.rules_dir);
  root.text("policy", config.policy);
  root.flag("allow_plaintext", config.allow_plaintext);
  root.section("alerts", alerts);
  try {
    if (const auto second = text::second_document(*content)) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ":", second->line + 1, ": a second document: the file must be one document"));
    }
    if (auto status = root.read(YAML::Load(*content), ""); !status.ok()) return status;
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(path, ":", error.mark.line + 1, ": ", error.msg));
  }
  return config;
}

}  // namespace bulkhead::collector
