#include "collector/sinks/resolver.h"

#include <fmt/format.h>
#include <netdb.h>

#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

namespace bulkhead::sinks {
namespace {

using boost::asio::ip::tcp;

}  // namespace

struct Resolver::Lookup {
  std::mutex mutex;
  std::condition_variable_any changed;
  bool done = false;
  int error = 0;
  std::vector<tcp::endpoint> found;

  void run(const std::string& host, std::uint16_t port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    const int failed = getaddrinfo(host.c_str(), nullptr, &hints, &list);
    const std::scoped_lock lock(mutex);
    for (const addrinfo* at = failed == 0 ? list : nullptr; at != nullptr; at = at->ai_next) {
      tcp::endpoint endpoint;
      if (at->ai_addrlen > endpoint.capacity()) continue;
      std::memcpy(endpoint.data(), at->ai_addr, at->ai_addrlen);
      endpoint.resize(at->ai_addrlen);
      endpoint.port(port);
      found.push_back(endpoint);
    }
    if (failed == 0) freeaddrinfo(list);
    error = failed;
    done = true;
    changed.notify_all();
  }
};

Resolver::Resolver(std::string host, std::uint16_t port) : host_(std::move(host)), port_(port) {}

absl::StatusOr<std::vector<tcp::endpoint>> Resolver::resolve(Deadline deadline, const std::stop_token& stop) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(host_, error);
  if (!error) return std::vector{tcp::endpoint(address, port_)};
  if (lookup_ == nullptr) {
    lookup_ = std::make_shared<Lookup>();
    std::thread([lookup = lookup_, host = host_, port = port_] { lookup->run(host, port); }).detach();
  }
  std::unique_lock lock(lookup_->mutex);
  if (!lookup_->changed.wait_until(lock, stop, deadline, [this] { return lookup_->done; })) {
    if (stop.stop_requested()) return absl::CancelledError("stopped");
    return absl::DeadlineExceededError(fmt::format("the name {} was not resolved in time", host_));
  }
  const std::shared_ptr<Lookup> lookup = std::move(lookup_);
  lock.release()->unlock();
  if (lookup->error != 0 || lookup->found.empty()) {
    return absl::UnavailableError(fmt::format("cannot resolve {}: {}", host_, gai_strerror(lookup->error)));
  }
  return lookup->found;
}

}  // namespace bulkhead::sinks
