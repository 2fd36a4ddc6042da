// Orders to a guest, over the unix socket that is its serial console (scripts/guest/init is the other end).
#pragma once

#include <filesystem>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/support/stage/child_process.h"
#include "tests/support/stage/file_descriptor.h"

namespace bulkhead::stage {

inline constexpr char kGuestReady[] = "bulkhead-guest ready";

// Not thread-safe; one order at a time.
class GuestConsole {
 public:
  // To be called as soon as the domain runs: what the guest says before is lost.
  static absl::StatusOr<GuestConsole> connect(const std::filesystem::path& socket);

  // Until the guest has booted and takes orders.
  absl::Status wait_ready(Milliseconds timeout);

  // Runs one line in the guest's shell. The output holds stdout and stderr. After kDeadlineExceeded the guest may
  // still be at it: the next order waits for its end.
  absl::StatusOr<Outcome> run(const std::string& line, Milliseconds timeout);

 private:
  explicit GuestConsole(FileDescriptor socket) : socket_(std::move(socket)) {}
  // What the guest said up to and with `text`.
  absl::StatusOr<std::string> read_through(const std::string& text, Milliseconds timeout);

  FileDescriptor socket_;
  std::string unread_;
  bool ready_ = false;
  int orders_ = 0;
};

}  // namespace bulkhead::stage
