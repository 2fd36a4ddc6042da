// A TCP connection, with TLS or without, on which every operation ends at its deadline and soon after a stop. Private
// to this folder.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "collector/sinks/peer.h"
#include "collector/sinks/resolver.h"

namespace bulkhead::sinks {

// Not thread safe. After an error other than "already closed" it is closed.
class Connection {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  using TlsStream = boost::asio::ssl::stream<Socket&>;

  explicit Connection(PeerSettings peer);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Resolves, connects, and shakes hands. Errors name the peer.
  absl::Status open(Deadline deadline, const std::stop_token& stop);
  bool is_open() const { return open_; }
  // The peer has closed or reset it.
  bool is_broken() const;
  void close();

  absl::Status write(std::string_view bytes, Deadline deadline, const std::stop_token& stop);

  // Waits until the peer's kernel has all that was written, and then `settle` longer. An error when the peer closes or
  // resets the connection before that: what it was given last may be lost.
  absl::Status settle(std::chrono::milliseconds settle, Deadline deadline, const std::stop_token& stop);

  // Runs one asynchronous operation to its end: `start(stream, done)` begins it on the TLS stream or on the socket and
  // has done(error_code) called. `doing` is for the error, such as "read from".
  template <typename Start>
  absl::Status run(const char* doing, Deadline deadline, const std::stop_token& stop, const Start& start) {
    std::optional<boost::system::error_code> result;
    const auto done = [&result](const boost::system::error_code& error) { result = error; };
    if (tls_ != nullptr) {
      start(*tls_, done);
    } else {
      start(socket_, done);
    }
    return finish(doing, deadline, stop, result);
  }

  std::string text() const;

 private:
  absl::Status finish(const char* doing, Deadline deadline, const std::stop_token& stop,
                      std::optional<boost::system::error_code>& result);
  // asio has no constant way to it.
  int descriptor() const { return const_cast<Socket&>(socket_).native_handle(); }
  absl::Status connect(Deadline deadline, const std::stop_token& stop);
  absl::Status handshake(Deadline deadline, const std::stop_token& stop);
  absl::Status broken(const char* doing, const std::string& why);

  const PeerSettings peer_;
  Resolver resolver_;
  boost::asio::io_context context_{1};
  Socket socket_{context_};
  std::unique_ptr<TlsStream> tls_;
  bool open_ = false;
};

}  // namespace bulkhead::sinks
