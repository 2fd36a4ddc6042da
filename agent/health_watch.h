// Takes stock of the agent's health from time to time, and keeps what it found for whoever asks.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <mutex>
#include <vector>

#include "agent/health/health.h"
#include "bulkhead/v1/event.pb.h"
#include "bulkhead/v1/host.pb.h"

namespace bulkhead {

// Belongs to the thread that runs `io`, but for latest().
class HealthWatch {
 public:
  // `tell_losses` is called with those of each report.
  HealthWatch(boost::asio::io_context& io, health::Sources sources, std::chrono::milliseconds interval,
              std::function<void(std::vector<v1::Event> losses)> tell_losses);

  // A report each interval, until stop().
  void start();
  void stop();

  void report();

  // As it was reported last. From any thread.
  v1::Health latest();

 private:
  health::Reporter reporter_;
  const std::chrono::milliseconds interval_;
  const std::function<void(std::vector<v1::Event> losses)> tell_losses_;
  boost::asio::steady_timer timer_;

  std::mutex mutex_;
  v1::Health health_;  // guarded by mutex_
};

}  // namespace bulkhead
