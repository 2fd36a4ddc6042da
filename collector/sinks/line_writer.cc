#include "collector/sinks/line_writer.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

namespace bulkhead::sinks {
namespace {

constexpr int kPollMilliseconds = 50;

absl::Status write_error(const std::string& name, int error) {
  return absl::UnavailableError(fmt::format("cannot write to {}: {}", name, std::strerror(error)));
}

}  // namespace

absl::Status write_line(int descriptor, const std::string& name, std::string_view line, bool& torn,
                        const std::stop_token& stop) {
  std::string text = torn ? "\n" : "";
  text += line;
  text += '\n';
  std::string_view rest = text;
  while (!rest.empty()) {
    pollfd ready{descriptor, POLLOUT, 0};
    const int polled = poll(&ready, 1, kPollMilliseconds);
    if (polled < 0 && errno != EINTR) return write_error(name, errno);
    if (polled <= 0) {
      if (stop.stop_requested()) return absl::CancelledError(fmt::format("{} takes nothing", name));
      continue;
    }
    // A pipe that is writable has room for PIPE_BUF bytes: a write of more could wait for the reader.
    const ssize_t written = write(descriptor, rest.data(), std::min<std::size_t>(rest.size(), PIPE_BUF));
    if (written < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (written < 0) return write_error(name, errno);
    rest.remove_prefix(static_cast<std::size_t>(written));
    torn = !rest.empty();
  }
  return absl::OkStatus();
}

}  // namespace bulkhead::sinks
