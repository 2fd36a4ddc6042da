// The collector's data directory, ours alone while this object lives.
#pragma once

#include <filesystem>

#include "absl/status/statusor.h"

namespace bulkhead::store {

// Move only; gives the lock back when it ends.
class DataDir {
 public:
  // Errors as of Store::open.
  static absl::StatusOr<DataDir> acquire(const std::filesystem::path& path);

  DataDir(DataDir&& other) noexcept;
  DataDir& operator=(DataDir&& other) noexcept;
  ~DataDir();

  const std::filesystem::path& path() const { return path_; }

 private:
  DataDir(std::filesystem::path path, int lock) : path_(std::move(path)), lock_(lock) {}

  std::filesystem::path path_;
  int lock_ = -1;
};

// Makes the directory's entries survive a power cut.
absl::Status sync_directory(const std::filesystem::path& path);

}  // namespace bulkhead::store
