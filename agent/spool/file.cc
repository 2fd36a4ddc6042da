#include "agent/spool/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace bulkhead::spool {

FileDescriptor::~FileDescriptor() {
  if (number_ >= 0) ::close(number_);
}

absl::Status system_error(const std::filesystem::path& path, std::string_view verb, int error_number) {
  const std::string message = absl::StrCat(path.string(), " cannot be ", std::string(verb), ": ",
                                           std::generic_category().message(error_number));
  if (error_number == EACCES || error_number == EPERM || error_number == EROFS) {
    return absl::PermissionDeniedError(message);
  }
  if (error_number == ENOENT) return absl::NotFoundError(message);
  return absl::InternalError(message);
}

absl::StatusOr<FileDescriptor> open_file(const std::filesystem::path& path, int flags) {
  FileDescriptor file(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return system_error(path, "opened", errno);
  return file;
}

absl::Status write_at(const FileDescriptor& file, const std::filesystem::path& path, std::string_view bytes,
                      std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0) {
      if (errno == EINTR) continue;
      return system_error(path, "written", errno);
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> read_at(const FileDescriptor& file, const std::filesystem::path& path, std::uint64_t offset,
                                    std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t filled = 0;
  while (filled < size) {
    const ssize_t got = ::pread(file.get(), bytes.data() + filled, size - filled, static_cast<off_t>(offset + filled));
    if (got < 0) {
      if (errno == EINTR) continue;
      return system_error(path, "read", errno);
    }
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

absl::StatusOr<std::string> read_small_file(const std::filesystem::path& path) {
  constexpr std::size_t kLimit = 4096;
  auto file = open_file(path, O_RDONLY);
  if (!file.ok()) return file.status();
  return read_at(*file, path, 0, kLimit);
}

absl::Status replace_file(const std::filesystem::path& path, std::string_view contents, bool durable) {
  const std::filesystem::path temporary = path.string() + ".new";
  {
    auto file = open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC);
    if (!file.ok()) return file.status();
    if (auto status = write_at(*file, temporary, contents, 0); !status.ok()) return status;
    if (durable && ::fsync(file->get()) != 0) return system_error(temporary, "synced", errno);
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return system_error(path, "replaced", errno);
  if (!durable) return absl::OkStatus();
  auto directory = open_file(path.parent_path(), O_RDONLY | O_DIRECTORY);
  if (!directory.ok()) return directory.status();
  if (::fsync(directory->get()) != 0) return system_error(path.parent_path(), "synced", errno);
  return absl::OkStatus();
}

}  // namespace bulkhead::spool
