#include "agent/config/host_id.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include <fmt/format.h>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "agent/config/value_checks.h"
#include "agent/config/yaml_reader.h"

namespace bulkhead::config {
namespace {

// Written whole, or not there: a half-written id would be another host's name after a crash.
absl::Status write_durably(const std::string& path, const std::string& text) {
  const std::string temporary = path + ".new";
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return absl::ErrnoToStatus(errno, fmt::format("{}: cannot create", temporary));
  const absl::Cleanup close_file = [fd] { ::close(fd); };
  if (::write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size()) || ::fsync(fd) != 0) {
    return absl::ErrnoToStatus(errno, fmt::format("{}: cannot write", temporary));
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    return absl::ErrnoToStatus(errno, fmt::format("{}: cannot rename", path));
  }
  return absl::OkStatus();
}

// 128 random bits in hexadecimal, the shape of a machine id.
absl::StatusOr<std::string> make_id() {
  auto uuid = read_text_file("/proc/sys/kernel/random/uuid");
  if (!uuid.ok()) return uuid.status();
  std::string id;
  for (const char c : *uuid) {
    if (absl::ascii_isxdigit(static_cast<unsigned char>(c))) id.push_back(c);
  }
  return id;
}

}  // namespace

absl::StatusOr<std::string> resolve_host_id(const Config& config, const std::string& machine_id_file) {
  if (!config.host_id.empty()) return config.host_id;
  if (const auto machine_id = read_text_file(machine_id_file); machine_id.ok()) {
    const std::string id(absl::StripAsciiWhitespace(*machine_id));
    if (id != "uninitialized" && check_host_id(id).ok()) return id;
  }
  const std::string path = config.state_dir + "/host_id";
  auto kept = read_text_file(path);
  if (kept.ok()) {
    const std::string id(absl::StripAsciiWhitespace(*kept));
    if (auto status = check_host_id(id); !status.ok()) {
      return absl::InvalidArgumentError(fmt::format("{}:1:1: {}", path, std::string(status.message())));
    }
    return id;
  }
  if (!absl::IsNotFound(kept.status())) return kept.status();
  std::error_code error;
  std::filesystem::create_directories(config.state_dir, error);
  if (error) return absl::ErrnoToStatus(error.value(), fmt::format("{}: cannot create", config.state_dir));
  auto id = make_id();
  if (!id.ok()) return id.status();
  if (auto status = write_durably(path, *id + "\n"); !status.ok()) return status;
  return id;
}

}  // namespace bulkhead::config
