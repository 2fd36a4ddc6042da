// Host names to addresses, without ever waiting past a deadline or a stop. Private to this folder.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace bulkhead::sinks {

using Deadline = std::chrono::steady_clock::time_point;

// Not thread safe.
class Resolver {
 public:
  Resolver(std::string host, std::uint16_t port);

  // kUnavailable with the resolver's words, kDeadlineExceeded, kCancelled. A look-up that outlasts the deadline goes on
  // (getaddrinfo(3) cannot be interrupted) and is the one that the next call waits for.
  absl::StatusOr<std::vector<boost::asio::ip::tcp::endpoint>> resolve(Deadline deadline, const std::stop_token& stop);

 private:
  struct Lookup;

  const std::string host_;
  const std::uint16_t port_;
  std::shared_ptr<Lookup> lookup_;
};

}  // namespace bulkhead::sinks
