#include "collector/config_file.h"

#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "collector/config_mapping.h"
#include "collector/config_sinks.h"
#include "text/yaml_document.h"

namespace bulkhead::collector {

namespace {

constexpr std::size_t kFileBytes = 1u << 20;

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
  ConfigMapping alerts(path);
  alerts.flag("stdout", config.alerts_stdout);
  alerts.text("file", config.alerts_file);
  ConfigMapping root(path);
  root.text("data_dir", config.data_dir);
  root.text("listen", config.listen);
  root.text("http", config.http);
  root.text("rules_dir", config.rules_dir);
  root.text("policy", config.policy);
  root.flag("allow_plaintext", config.allow_plaintext);
  root.section("alerts", alerts);
  root.value("sinks", [&](const std::string&, const YAML::Node& node) {
    auto sinks = read_sinks(path, node);
    if (sinks.ok()) config.sinks = *std::move(sinks);
    return sinks.status();
  });
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
