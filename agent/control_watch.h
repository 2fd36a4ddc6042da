// Keeps the probes of libvirt's calls on what libvirt runs with: its daemons and their library, as they come and go.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <set>

#include "agent/probes/probe_set.h"

namespace bulkhead {

// Belongs to the thread that runs `io`.
class ControlWatch {
 public:
  // `probes` must outlive this. `coverage_changed` is called after the probes' coverage() did.
  ControlWatch(boost::asio::io_context& io, probes::ProbeSet& probes, std::function<void()> coverage_changed);

  // Looks once, and from then on every few seconds, until stop().
  void start();
  void stop();

  // Looks now. True when the coverage changed.
  bool look();

 private:
  void arm();

  probes::ProbeSet& probes_;
  const std::function<void()> coverage_changed_;
  boost::asio::steady_timer timer_;
  int seconds_ = 0;
  bool stopped_ = false;
  std::set<probes::FileKey> daemons_;
};

}  // namespace bulkhead
