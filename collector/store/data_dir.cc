#include "collector/store/data_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace bulkhead::store {

namespace {

absl::Status cannot(const std::string& what, const std::filesystem::path& path, int error) {
  const std::string text = absl::StrCat("cannot ", what, " ", path.string(), ": ", std::strerror(error),
                                        "; give the collector a --data-dir that its user can write");
  if (error == EACCES || error == EPERM || error == EROFS) return absl::PermissionDeniedError(text);
  return absl::FailedPreconditionError(text);
}

// Evidence is for the collector's user alone.
absl::Status create(const std::filesystem::path& path) {
  std::error_code error;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  if (error) return cannot("create the data directory", path, error.value());
  if (mkdir(path.c_str(), 0700) == 0) {
    const auto parent = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
    return sync_directory(parent);
  }
  if (errno != EEXIST) return cannot("create the data directory", path, errno);
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) return cannot("read the data directory", path, errno);
  if (!S_ISDIR(status.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(path.string(), " is not a directory; choose another --data-dir"));
  }
  if (status.st_uid != geteuid()) {
    return absl::FailedPreconditionError(absl::StrCat("data directory ", path.string(), " belongs to uid ",
                                                      status.st_uid, " but the collector runs as uid ", geteuid(),
                                                      "; run it as the owner, or chown the directory"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status sync_directory(const std::filesystem::path& path) {
  const int directory = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return cannot("open", path, errno);
  const int failed = fsync(directory) != 0 ? errno : 0;
  close(directory);
  if (failed != 0) return cannot("sync", path, failed);
  return absl::OkStatus();
}

absl::StatusOr<DataDir> DataDir::acquire(const std::filesystem::path& path) {
  if (const auto status = create(path); !status.ok()) return status;
  const auto file = path / "lock";
  const int lock = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock < 0) return cannot("write", file, errno);
  DataDir taken(path, lock);
  if (flock(lock, LOCK_EX | LOCK_NB) == 0) return taken;
  if (errno != EWOULDBLOCK) return cannot("lock", file, errno);
  return absl::FailedPreconditionError(absl::StrCat("data directory ", path.string(),
                                                    " is in use by another collector; stop that one, or choose another "
                                                    "--data-dir"));
}

DataDir::DataDir(DataDir&& other) noexcept : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

DataDir& DataDir::operator=(DataDir&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(lock_, other.lock_);
  return *this;
}

DataDir::~DataDir() {
  if (lock_ >= 0) close(lock_);
}

}  // namespace bulkhead::store
