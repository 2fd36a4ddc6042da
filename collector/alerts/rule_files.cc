#include "collector/alerts/rule_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

namespace bulkhead::alerts {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kFileBytes = 1u << 20;
constexpr std::size_t kFiles = 1000;

absl::Status file_error(const fs::path& path, const std::error_code& error) {
  const std::string text = fmt::format("cannot read rules from {}: {}", path.string(), error.message());
  if (error == std::errc::no_such_file_or_directory) return absl::NotFoundError(text);
  if (error == std::errc::permission_denied) return absl::PermissionDeniedError(text);
  return absl::InvalidArgumentError(text);
}

absl::StatusOr<detect::RuleFile> read_one(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) {
    if (error) return file_error(path, error);
    return absl::InvalidArgumentError(fmt::format("cannot read rules from {}: not a regular file", path.string()));
  }
  const std::uintmax_t size = fs::file_size(path, error);
  if (error) return file_error(path, error);
  if (size > kFileBytes) {
    return absl::InvalidArgumentError(fmt::format("{}: a rule file has at most 1 MiB", path.string()));
  }
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  detect::RuleFile file{path.string(), std::string(size, '\0')};
  if (!stream) return file_error(path, std::error_code(errno, std::generic_category()));
  stream.read(file.text.data(), static_cast<std::streamsize>(size));
  file.text.resize(static_cast<std::size_t>(stream.gcount()));
  return file;
}

}  // namespace

absl::StatusOr<std::vector<detect::RuleFile>> read_rule_files(const std::string& path) {
  std::error_code error;
  std::vector<fs::path> paths;
  if (!fs::is_directory(path, error)) {
    if (error) return file_error(path, error);
    paths.emplace_back(path);
  } else {
    fs::directory_iterator entry(path, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
      const fs::path extension = entry->path().extension();
      if (extension == ".yaml" || extension == ".yml") paths.push_back(entry->path());
      if (paths.size() > kFiles) {
        return absl::InvalidArgumentError(fmt::format("{} has more than {} rule files", path, kFiles));
      }
    }
    if (error) return file_error(path, error);
    if (paths.empty()) return absl::NotFoundError(fmt::format("{} has no rule files (*.yaml)", path));
  }
  std::ranges::sort(paths);
  std::vector<detect::RuleFile> files;
  for (const fs::path& one : paths) {
    auto file = read_one(one);
    if (!file.ok()) return file.status();
    files.push_back(*std::move(file));
  }
  return files;
}

std::string default_rules() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (!error) {
    const fs::path installed = program.parent_path().parent_path() / "share" / "bulkhead" / "rules";
    if (fs::is_directory(installed, error)) return installed.string();
  }
  return BULKHEAD_SOURCE_RULES;
}

}  // namespace bulkhead::alerts
