#include "collector/sinks/connection.h"

#include <fmt/format.h>
#include <linux/sockios.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <cstring>

namespace bulkhead::sinks {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

// How long a stop may go unnoticed.
constexpr std::chrono::milliseconds kSlice{20};

std::string words(const boost::system::error_code& error) {
  if (error == asio::error::eof || error == asio::ssl::error::stream_truncated) return "the peer closed the connection";
  return error.message();
}

}  // namespace

Connection::Connection(PeerSettings peer) : peer_(std::move(peer)), resolver_(peer_.host, peer_.port) {}

Connection::~Connection() {
  close();
}

std::string Connection::text() const {
  const bool v6 = peer_.host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", v6 ? "[" : "", peer_.host, v6 ? "]" : "", peer_.port);
}

void Connection::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
  // What was under way ends with an error; its handlers must not outlive what they refer to.
  context_.restart();
  context_.run();
  tls_.reset();
  open_ = false;
}

absl::Status Connection::broken(const char* doing, const std::string& why) {
  close();
  return absl::UnavailableError(fmt::format("cannot {} {}: {}", doing, text(), why));
}

absl::Status Connection::finish(const char* doing, Deadline deadline, const std::stop_token& stop,
                                std::optional<boost::system::error_code>& result) {
  context_.restart();
  while (!result) {
    const auto now = Clock::now();
    if (stop.stop_requested() || now >= deadline) {
      const bool stopped = stop.stop_requested();
      close();
      if (stopped) return absl::CancelledError(fmt::format("stopped on the way to {}", text()));
      return absl::DeadlineExceededError(fmt::format("cannot {} {}: timed out", doing, text()));
    }
    context_.run_one_until(std::min(deadline, now + kSlice));
  }
  if (!*result) return absl::OkStatus();
  return broken(doing, words(*result));
}

absl::Status Connection::open(Deadline deadline, const std::stop_token& stop) {
  close();
  if (auto status = connect(deadline, stop); !status.ok()) return status;
  if (peer_.tls != nullptr) {
    if (auto status = handshake(deadline, stop); !status.ok()) return status;
  }
  open_ = true;
  return absl::OkStatus();
}

absl::Status Connection::connect(Deadline deadline, const std::stop_token& stop) {
  const auto found = resolver_.resolve(deadline, stop);
  if (!found.ok()) return found.status();
  const auto status = run("connect to", deadline, stop, [&](auto&, const auto& done) {
    asio::async_connect(socket_, *found, [done](const auto& error, const auto&) { done(error); });
  });
  if (!status.ok()) return status;
  boost::system::error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_.set_option(asio::socket_base::keep_alive(true), ignored);
  return absl::OkStatus();
}

absl::Status Connection::handshake(Deadline deadline, const std::stop_token& stop) {
  const std::string& name = peer_.server_name.empty() ? peer_.host : peer_.server_name;
  auto tls = std::make_unique<TlsStream>(socket_, *peer_.tls);
  boost::system::error_code error;
  if (peer_.verify) tls->set_verify_callback(asio::ssl::host_name_verification(name), error);
  boost::system::error_code no_address;
  asio::ip::make_address(name, no_address);
  // RFC 6066: names only.
  if (no_address) SSL_set_tlsext_host_name(tls->native_handle(), name.c_str());
  TlsStream& stream = *tls;
  tls_ = std::move(tls);
  std::string verdict;
  const auto status = run("agree on TLS with", deadline, stop, [&](auto&, const auto& done) {
    stream.async_handshake(asio::ssl::stream_base::client, [&verdict, &stream, done](const auto& failed) {
      const long verified = SSL_get_verify_result(stream.native_handle());
      if (failed && verified != X509_V_OK) verdict = X509_verify_cert_error_string(verified);
      done(failed);
    });
  });
  // OpenSSL's "certificate verify failed" says not why.
  if (!status.ok() && !verdict.empty()) {
    return absl::UnavailableError(
        fmt::format("{} ({}; wanted a certificate for {})", std::string(status.message()), verdict, name));
  }
  return status;
}

absl::Status Connection::write(std::string_view bytes, Deadline deadline, const std::stop_token& stop) {
  if (!open_) return absl::FailedPreconditionError(fmt::format("{} is not connected", text()));
  return run("write to", deadline, stop, [&](auto& stream, const auto& done) {
    asio::async_write(stream, asio::buffer(bytes.data(), bytes.size()),
                      [done](const auto& error, std::size_t) { done(error); });
  });
}

bool Connection::is_broken() const {
  pollfd peer{descriptor(), POLLRDHUP, 0};
  return poll(&peer, 1, 0) != 0;
}

absl::Status Connection::settle(std::chrono::milliseconds settle, Deadline deadline, const std::stop_token& stop) {
  std::optional<Clock::time_point> taken;
  while (true) {
    pollfd peer{descriptor(), POLLRDHUP, 0};
    const int polled = poll(&peer, 1, static_cast<int>(kSlice.count()));
    if (polled < 0 && errno != EINTR) return broken("watch", std::strerror(errno));
    if (polled > 0) return broken("deliver to", "the peer closed the connection");
    const auto now = Clock::now();
    int unacknowledged = 0;
    if (ioctl(descriptor(), SIOCOUTQ, &unacknowledged) != 0) return broken("watch", std::strerror(errno));
    if (!taken && unacknowledged == 0) taken = now;
    if (taken && now >= *taken + settle) return absl::OkStatus();
    if (stop.stop_requested()) return absl::CancelledError(fmt::format("stopped on the way to {}", text()));
    if (!taken && now >= deadline) return broken("deliver to", "the peer takes nothing");
  }
}

}  // namespace bulkhead::sinks
