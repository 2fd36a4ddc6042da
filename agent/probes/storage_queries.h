// What the kernel itself says of block devices and file systems, where sysfs says it in paths that others can put
// something else behind.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/probes/ownership_maps.h"

namespace bulkhead::probes {

// Of a file system; zeroes where it has none.
using FileSystemUuid = std::array<std::uint8_t, 16>;

struct BackingFile {
  FileKey key;
  std::uint64_t offset = 0;  // bytes, in the file
  std::uint64_t limit = 0;   // bytes; 0: to its end
  FileSystemUuid file_system = {};
};

struct KernelBlockDevice {
  std::uint32_t device = 0;            // major << 20 | minor
  std::uint64_t disk_sequence = 0;     // of its disk; no disk is ever given another's
  std::uint64_t size = 0;              // bytes
  std::optional<BackingFile> backing;  // of a loop device that has a file
};

// Thread safe.
class StorageQueries {
 public:
  StorageQueries();
  ~StorageQueries();
  StorageQueries(const StorageQueries&) = delete;
  StorageQueries& operator=(const StorageQueries&) = delete;

  // `folder` is the device's in sysfs. NotFound when there is none; FailedPrecondition when the kernel refuses the
  // question. The device is not opened.
  absl::StatusOr<KernelBlockDevice> block_device(const std::string& folder) const;

  // Of the file at `path`, which is not opened.
  absl::StatusOr<FileSystemUuid> file_system(const std::string& path) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bulkhead::probes
