#include "agent/spool/spool_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/spool/segment_format.h"

namespace bulkhead::spool {
namespace {

constexpr std::string_view kWayOut = "; choose another state directory or give this one to the agent's user";

absl::Status make_directory(const std::filesystem::path& dir) {
  std::error_code error;
  std::filesystem::create_directories(dir.parent_path(), error);
  if (!error && ::mkdir(dir.c_str(), 0700) != 0 && errno != EEXIST) error.assign(errno, std::generic_category());
  if (!error && !std::filesystem::is_directory(dir, error) && !error) error.assign(ENOTDIR, std::generic_category());
  if (!error) return absl::OkStatus();
  const absl::Status status = system_error(dir, "made", error.value());
  return absl::Status(status.code(), absl::StrCat("spool ", std::string(status.message()), std::string(kWayOut)));
}

absl::StatusOr<FileDescriptor> take_lock(const std::filesystem::path& dir) {
  const std::filesystem::path path = dir / "lock";
  auto file = open_file(path, O_RDWR | O_CREAT);
  if (!file.ok()) {
    return absl::Status(file.status().code(),
                        absl::StrCat("spool ", std::string(file.status().message()), std::string(kWayOut)));
  }
  if (::flock(file->get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return system_error(path, "locked", errno);
    std::string holder = read_at(*file, path, 0, 20).value_or("");
    holder.erase(std::remove_if(holder.begin(), holder.end(), [](char c) { return c < '0' || c > '9'; }), holder.end());
    return absl::FailedPreconditionError(absl::StrCat("spool ", dir.string(), " is in use by another agent (pid ",
                                                      holder.empty() ? "unknown" : holder,
                                                      "); stop it or choose another state directory"));
  }
  if (::ftruncate(file->get(), 0) != 0) return system_error(path, "written", errno);
  if (auto status = write_at(*file, path, absl::StrCat(::getpid(), "\n"), 0); !status.ok()) return status;
  return file;
}

absl::Status check_identity(const std::filesystem::path& dir, const std::string& host_id) {
  const std::filesystem::path path = dir / "identity";
  const std::string title = "bulkhead spool ";
  const std::string expected = absl::StrCat(title, kFormatVersion, "\nhost ", host_id, "\n");
  const auto found = read_small_file(path);
  if (absl::IsNotFound(found.status())) return replace_file(path, expected, true);
  if (!found.ok()) return found.status();
  if (*found == expected) return absl::OkStatus();
  unsigned version = 0;
  if (found->starts_with(title)) {
    std::from_chars(found->data() + title.size(), found->data() + found->size(), version);
  }
  if (version > kFormatVersion) {
    return absl::FailedPreconditionError(absl::StrCat("spool ", dir.string(), " has format ", version,
                                                      ", this agent knows up to ", kFormatVersion,
                                                      "; run the newer agent or choose another state directory"));
  }
  return absl::FailedPreconditionError(absl::StrCat("spool ", dir.string(), " does not belong to host ", host_id, " (",
                                                    path.string(),
                                                    " says otherwise); choose another state directory, or delete this "
                                                    "one if the disk is a copy of another host's"));
}

struct BootDirectory {
  std::uint32_t ordinal = 0;
  std::string boot_id;
  std::filesystem::path path;
};

constexpr std::size_t kOrdinalDigits = 8;

std::filesystem::path boot_path(const std::filesystem::path& boots, std::uint32_t ordinal, const std::string& boot_id) {
  return boots / absl::StrFormat("%08d-%s", ordinal, boot_id);
}

absl::StatusOr<std::vector<BootDirectory>> list_boots(const std::filesystem::path& boots) {
  std::vector<BootDirectory> found;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(boots, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.size() < kOrdinalDigits + 2 || name[kOrdinalDigits] != '-') continue;
    BootDirectory boot{.boot_id = name.substr(kOrdinalDigits + 1), .path = entry->path()};
    const char* end_of_ordinal = name.data() + kOrdinalDigits;
    const auto [stopped, failed] = std::from_chars(name.data(), end_of_ordinal, boot.ordinal);
    if (failed != std::errc() || stopped != end_of_ordinal) continue;
    found.push_back(std::move(boot));
  }
  if (error) return system_error(boots, "listed", error.value());
  std::sort(found.begin(), found.end(),
            [](const BootDirectory& a, const BootDirectory& b) { return a.ordinal < b.ordinal; });
  return found;
}

}  // namespace

absl::StatusOr<SpoolDirectory> open_directory(const std::filesystem::path& dir, const std::string& host_id,
                                              const std::string& boot_id) {
  SpoolDirectory result;
  if (auto status = make_directory(dir); !status.ok()) return status;
  auto lock = take_lock(dir);
  if (!lock.ok()) return lock.status();
  result.lock = *std::move(lock);
  if (auto status = check_identity(dir, host_id); !status.ok()) return status;
  const std::filesystem::path boots = dir / "boots";
  if (auto status = make_directory(boots); !status.ok()) return status;
  auto found = list_boots(boots);
  if (!found.ok()) return found.status();

  std::filesystem::path current = boot_path(boots, found->empty() ? 1 : found->back().ordinal + 1, boot_id);
  for (BootDirectory& boot : *found) {
    if (boot.boot_id == boot_id) {
      current = boot.path;
      continue;
    }
    auto queue = BootQueue::open(boot.path, boot.boot_id);
    if (!queue.ok()) return queue.status();
    if (queue->unacknowledged() > 0) {
      result.queues.push_back(*std::move(queue));
    } else if (auto status = queue->remove(); !status.ok()) {
      return status;
    }
  }
  if (auto status = make_directory(current); !status.ok()) return status;
  auto queue = BootQueue::open(current, boot_id);
  if (!queue.ok()) return queue.status();
  if (auto status = queue->roll(); !status.ok()) return status;
  result.queues.push_back(*std::move(queue));
  return result;
}

}  // namespace bulkhead::spool
