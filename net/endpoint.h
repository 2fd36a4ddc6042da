// Where to listen or to connect: "HOST:PORT", "[IPV6]:PORT" or "unix:/PATH".
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace bulkhead::net {

struct Endpoint {
  // Without brackets; empty for a unix socket.
  std::string host;
  std::uint16_t port = 0;
  // Absolute; empty for TCP.
  std::string path;

  bool is_unix() const { return !path.empty(); }
  // As it is written, and as gRPC takes it.
  std::string text() const;
};

// Where to listen: port 0 is any free one. kInvalidArgument names the text and what was expected.
absl::StatusOr<Endpoint> parse(const std::string& text);
// Where to connect: the port is 1 to 65535.
absl::StatusOr<Endpoint> parse_peer(const std::string& text);

// Nobody outside this machine can hear what is said there: a unix socket, 127.0.0.0/8, ::1 or "localhost".
bool is_local(const Endpoint& endpoint);

// kInvalidArgument unless it is local or `allow_plaintext`.
absl::Status check_plaintext(const Endpoint& endpoint, bool allow_plaintext);

}  // namespace bulkhead::net
