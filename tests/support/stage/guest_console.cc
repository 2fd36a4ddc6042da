#include "tests/support/stage/guest_console.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "tests/support/stage/interrupt.h"

namespace bulkhead::stage {
namespace {

// How long an interrupt, or the end of a timeout, may go unnoticed.
constexpr int kPollSliceMs = 50;

}  // namespace

absl::StatusOr<GuestConsole> GuestConsole::connect(const std::filesystem::path& path) {
  FileDescriptor client(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.string().size() >= sizeof(address.sun_path))
    return absl::InvalidArgumentError(absl::StrCat(path.string(), " is too long for a socket"));
  std::strcpy(address.sun_path, path.c_str());
  if (::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    return absl::ErrnoToStatus(errno, absl::StrCat("connecting to the console ", path.string()));
  return GuestConsole(std::move(client));
}

absl::StatusOr<std::string> GuestConsole::read_through(const std::string& text, Milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (true) {
    if (const size_t at = unread_.find(text); at != std::string::npos) {
      std::string said = unread_.substr(0, at + text.size());
      unread_.erase(0, at + text.size());
      return said;
    }
    if (interrupted()) return absl::CancelledError("interrupted");
    if (std::chrono::steady_clock::now() > deadline)
      return absl::DeadlineExceededError(absl::StrCat("the guest did not say '", text, "' but '", unread_, "'"));
    pollfd waited{socket_.get(), POLLIN, 0};
    if (poll(&waited, 1, kPollSliceMs) <= 0) continue;
    char buffer[4096];
    const ssize_t got = recv(socket_.get(), buffer, sizeof(buffer), MSG_DONTWAIT);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got <= 0) return absl::UnavailableError("the guest's console is closed");
    unread_.append(buffer, static_cast<size_t>(got));
  }
}

absl::Status GuestConsole::wait_ready(Milliseconds timeout) {
  if (ready_) return absl::OkStatus();
  const auto status = read_through(kGuestReady, timeout).status();
  ready_ = status.ok();
  return status;
}

absl::StatusOr<Outcome> GuestConsole::run(const std::string& line, Milliseconds timeout) {
  // The number tells this order's end from that of an earlier one which came too late. The quotes keep the marker
  // itself out of what a shell error may quote.
  const std::string marker = absl::StrCat("bulkhead-guest done ", ++orders_, " ");
  const std::string order = absl::StrCat("{ ", line, "; }; echo 'bulkhead-guest 'done ", orders_, " $?\n");
  if (send(socket_.get(), order.data(), order.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(order.size()))
    return absl::UnavailableError("the guest's console is closed");
  auto said = read_through(marker, timeout);
  if (!said.ok()) return said.status();
  const auto status = read_through("\n", timeout);
  if (!status.ok()) return status.status();
  Outcome outcome;
  outcome.output = said->substr(0, said->size() - marker.size());
  // The prompt of the order before is still in front of it.
  if (const size_t prompt = outcome.output.find(kGuestReady); prompt != std::string::npos)
    outcome.output.erase(0, prompt + std::strlen(kGuestReady));
  outcome.output.erase(0, outcome.output.find_first_not_of("\r\n"));
  std::from_chars(status->data(), status->data() + status->size(), outcome.exit_status);
  return outcome;
}

}  // namespace bulkhead::stage
