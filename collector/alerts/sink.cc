#include "collector/alerts/sink.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "collector/alerts/line_writer.h"

namespace bulkhead::alerts {

StdoutSink::StdoutSink(int descriptor) : descriptor_(descriptor) {}

absl::Status StdoutSink::deliver(const v1::Alert& alert, Activity activity, const std::stop_token& stop) {
  return write_line(descriptor_, name_, to_ocsf(alert, activity), torn_, stop);
}

FileSink::FileSink(std::string path) : path_(std::move(path)), name_(fmt::format("file {}", path_)) {}

FileSink::~FileSink() {
  close();
}

absl::Status FileSink::deliver(const v1::Alert& alert, Activity activity, const std::stop_token& stop) {
  if (reopen_.exchange(false)) close();
  if (descriptor_ < 0) {
    if (absl::Status opened = open(); !opened.ok()) return opened;
  }
  absl::Status written = write_line(descriptor_, name_, to_ocsf(alert, activity), torn_, stop);
  // Another attempt begins with another open: the file system may be back, or the file elsewhere.
  if (!written.ok()) reopen_ = true;
  return written;
}

absl::Status FileSink::open() {
  // Without O_NONBLOCK a FIFO would hold this thread until someone reads from it.
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
  if (descriptor_ < 0) return absl::UnavailableError(fmt::format("cannot open {}: {}", path_, std::strerror(errno)));
  return absl::OkStatus();
}

void FileSink::close() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

}  // namespace bulkhead::alerts
