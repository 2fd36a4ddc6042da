#include "agent/health_watch.h"

#include <utility>

namespace bulkhead {

HealthWatch::HealthWatch(boost::asio::io_context& io, health::Sources sources, std::chrono::milliseconds interval,
                         std::function<void(std::vector<v1::Event> losses)> tell_losses)
    : reporter_(std::move(sources)), interval_(interval), tell_losses_(std::move(tell_losses)), timer_(io) {}

void HealthWatch::start() {
  timer_.expires_after(interval_);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    report();
    start();
  });
}

void HealthWatch::stop() {
  timer_.cancel();
}

void HealthWatch::report() {
  health::Report report = reporter_.report();
  {
    const std::lock_guard lock(mutex_);
    health_ = std::move(report.health);
  }
  tell_losses_(std::move(report.losses));
}

v1::Health HealthWatch::latest() {
  const std::lock_guard lock(mutex_);
  return health_;
}

}  // namespace bulkhead
