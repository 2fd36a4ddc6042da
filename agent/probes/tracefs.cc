#include "agent/probes/tracefs.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>

#include <cerrno>
#include <charconv>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace bulkhead::probes {

namespace {
constexpr unsigned kFsConfigCreate = 6;  // FSCONFIG_CMD_CREATE in linux/mount.h

absl::Status failed(const std::string& what) {
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot open tracefs: ", what));
}
}  // namespace

absl::StatusOr<TraceFs> TraceFs::open() {
  FileDescriptor context(static_cast<int>(syscall(SYS_fsopen, "tracefs", 0)));
  if (!context) return failed("fsopen");
  if (syscall(SYS_fsconfig, context.get(), kFsConfigCreate, nullptr, nullptr, 0) != 0) return failed("fsconfig");
  FileDescriptor root(static_cast<int>(syscall(SYS_fsmount, context.get(), 0, 0)));
  if (!root) return failed("fsmount");
  return TraceFs(std::move(root));
}

absl::StatusOr<std::uint64_t> TraceFs::id(const std::string& tracepoint) const {
  const std::string path = absl::StrCat("events/", tracepoint, "/id");
  FileDescriptor file(openat(root_.get(), path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) {
    if (errno == ENOENT) return absl::NotFoundError(absl::StrCat("this kernel has no tracepoint ", tracepoint));
    return failed(path);
  }
  char text[32];
  const ssize_t length = read(file.get(), text, sizeof(text));
  std::uint64_t id = 0;
  if (length <= 0 || std::from_chars(text, text + length, id).ec != std::errc()) {
    return absl::InternalError(absl::StrCat("tracefs: ", path, " holds no number"));
  }
  return id;
}

absl::StatusOr<FileDescriptor> TraceFs::open_event(const std::string& tracepoint) const {
  const absl::StatusOr<std::uint64_t> event_id = id(tracepoint);
  if (!event_id.ok()) return event_id.status();
  perf_event_attr attributes = {};
  attributes.type = PERF_TYPE_TRACEPOINT;
  attributes.size = sizeof(attributes);
  attributes.config = *event_id;
  FileDescriptor event(static_cast<int>(syscall(SYS_perf_event_open, &attributes, -1, 0, -1, PERF_FLAG_FD_CLOEXEC)));
  if (!event) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open a perf event for tracepoint ", tracepoint));
  return event;
}

}  // namespace bulkhead::probes
