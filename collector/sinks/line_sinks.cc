#include "collector/sinks/line_sinks.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "collector/sinks/line_writer.h"

namespace bulkhead::sinks {
namespace {

// Whether the file's last line has no end.
bool ends_torn(const std::string& path) {
  std::ifstream file;
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error) || std::filesystem::file_size(path, error) == 0) return false;
  file.open(path, std::ios::binary);
  file.seekg(-1, std::ios::end);
  return file && file.get() != '\n';
}

}  // namespace

StdoutSink::StdoutSink(int descriptor) : descriptor_(descriptor) {}

absl::Status StdoutSink::deliver_one(const Delivery& delivery, const std::stop_token& stop) {
  return write_line(descriptor_, description_, alerts::to_ocsf(*delivery.alert, delivery.activity), torn_, stop);
}

FileSink::FileSink(std::string path) : path_(std::move(path)), description_(fmt::format("file {}", path_)) {}

FileSink::~FileSink() {
  close();
}

absl::Status FileSink::deliver_one(const Delivery& delivery, const std::stop_token& stop) {
  if (reopen_.exchange(false)) close();
  if (descriptor_ < 0) {
    if (absl::Status opened = open(); !opened.ok()) return opened;
  }
  absl::Status written =
      write_line(descriptor_, description_, alerts::to_ocsf(*delivery.alert, delivery.activity), torn_, stop);
  // Another attempt begins with another open: the file system may be back, or the file elsewhere.
  if (!written.ok()) reopen_ = true;
  return written;
}

absl::Status FileSink::open() {
  // Without O_NONBLOCK a FIFO would hold this thread until someone reads from it.
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
  if (descriptor_ < 0) return absl::UnavailableError(fmt::format("cannot open {}: {}", path_, std::strerror(errno)));
  // A process that was killed may have left half a line.
  torn_ = ends_torn(path_);
  return absl::OkStatus();
}

void FileSink::close() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

}  // namespace bulkhead::sinks
