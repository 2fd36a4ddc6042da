// What an image leads to: its backing file, that one's, and so on, by their headers. Reads files: an image on storage
// that does not answer blocks the caller.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/inventory/image_header.h"
#include "agent/inventory/model.h"

namespace bulkhead::inventory {

enum class FileKind { kAbsent, kRegular, kBlockDevice, kOther };

struct ImageChain {
  std::vector<ChainImage> images;  // in the order in which they were found, each once
  std::string problem;             // why it may be longer than this; empty when it is whole

  bool operator==(const ImageChain&) const = default;
};

// A file as it was looked at: the same figures, the same header.
struct ImageFile {
  FileKind kind = FileKind::kAbsent;
  std::string real_path;
  dev_t device = 0;
  ino_t inode = 0;
  std::int64_t size = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;

  bool operator==(const ImageFile&) const = default;
};

// Headers that were read, so that an image that nobody changed is not read again. Thread safe.
class HeaderCache {
 public:
  // NotFound and the like when it cannot be opened. What is neither a file nor a block device is not opened for
  // reading: `header` is then empty.
  absl::StatusOr<ImageFile> look(const std::string& path, const std::string& format, ImageHeader& header);

 private:
  struct Entry {
    ImageFile file;
    std::string asked_format;
    ImageHeader header;
  };
  static constexpr std::size_t kMaxEntries = 50'000;

  std::mutex mutex_;
  std::map<std::string, Entry> entries_;  // by path; guarded by mutex_
};

// libvirt follows no longer one either.
inline constexpr std::size_t kMaxChain = 200;

// Of the image at `path`. Loops end where they begin.
ImageChain follow_chain(const std::string& path, const std::string& format, HeaderCache& cache);

}  // namespace bulkhead::inventory
