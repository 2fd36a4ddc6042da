// Files by descriptor, with errors that name the path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace bulkhead::spool {

// Move-only; -1 is none.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int number) : number_(number) {}
  FileDescriptor(FileDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~FileDescriptor();

  int get() const { return number_; }
  bool valid() const { return number_ >= 0; }

 private:
  int number_ = -1;
};

// "PATH cannot be <verb>: <the system's words>". kPermissionDenied, kNotFound or kInternal.
absl::Status system_error(const std::filesystem::path& path, std::string_view verb, int error_number);

// New files get mode 0600.
absl::StatusOr<FileDescriptor> open_file(const std::filesystem::path& path, int flags);

// All of it or an error; an interrupted or short write is gone on with.
absl::Status write_at(const FileDescriptor& file, const std::filesystem::path& path, std::string_view bytes,
                      std::uint64_t offset);

// At most `size` bytes, fewer only at the end of the file.
absl::StatusOr<std::string> read_at(const FileDescriptor& file, const std::filesystem::path& path, std::uint64_t offset,
                                    std::size_t size);

// At most 4 KiB: for small files of ours.
absl::StatusOr<std::string> read_small_file(const std::filesystem::path& path);

// The old contents or the new, never a mixture. With `durable`, the new ones survive a power cut.
absl::Status replace_file(const std::filesystem::path& path, std::string_view contents, bool durable);

}  // namespace bulkhead::spool
