// Sweeps over the host's processes: when the inventory changed, and from time to time. On a thread of its own, because
// the kernel makes a sweep wait for a process that is changing its mappings, for as long as that takes.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "agent/ownership/ownership.h"
#include "agent/probes/host_sweep.h"

namespace bulkhead {

// Belongs to the thread that runs `io`.
class Sweeper {
 public:
  // `ownership` must outlive this. Without a sweep (null) or with an interval of 0 it does nothing.
  Sweeper(boost::asio::io_context& io, std::unique_ptr<probes::HostSweep> sweep, ownership::Ownership& ownership,
          std::chrono::milliseconds interval);

  // What is whose has changed: sweeps within a second or so, several such changes at once. Nothing is swept before the
  // first: while the domains are not known, each VMM would be a machine that libvirt does not know.
  void ownership_changed();

  // No sweep begins after it; waits for the one that runs.
  void stop();

 private:
  using Clock = std::chrono::steady_clock;

  void arm(Clock::time_point when);
  void begin();
  void judge();
  void end(const absl::Status& status);

  std::unique_ptr<probes::HostSweep> sweep_;  // used on thread_ alone
  ownership::Ownership& ownership_;
  const std::chrono::milliseconds interval_;
  boost::asio::io_context& io_;
  boost::asio::steady_timer timer_;
  boost::asio::thread_pool thread_{1};
  bool running_ = false;
  bool stopped_ = false;
  bool again_ = false;  // ownership changed while a sweep ran
  Clock::time_point began_;
  Clock::time_point earliest_;  // of the next, so that sweeps take no more than their share
  std::string problem_;
};

}  // namespace bulkhead
