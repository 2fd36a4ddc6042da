#include "agent/sweeper.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>
#include <vector>

#include "spdlog/spdlog.h"

namespace bulkhead {

namespace asio = boost::asio;

namespace {

// A VMM's start is several changes of the inventory.
constexpr std::chrono::milliseconds kSettling{500};
// A sweep that took a second is followed by none for as many: half a percent of a core.
constexpr int kIdleShare = 200;

}  // namespace

Sweeper::Sweeper(asio::io_context& io, std::unique_ptr<probes::HostSweep> sweep, ownership::Ownership& ownership,
                 std::chrono::milliseconds interval)
    : sweep_(std::move(sweep)), ownership_(ownership), interval_(interval), io_(io), timer_(io) {
  stopped_ = sweep_ == nullptr || interval_ == std::chrono::milliseconds::zero();
}

void Sweeper::ownership_changed() {
  if (running_) {
    again_ = true;
  } else if (const auto soon = Clock::now() + kSettling; timer_.expiry() > soon || timer_.expiry() <= Clock::now()) {
    arm(soon);
  }
}

void Sweeper::stop() {
  stopped_ = true;
  timer_.cancel();
  thread_.join();
}

void Sweeper::arm(Clock::time_point when) {
  if (stopped_) return;
  timer_.expires_at(std::max(when, earliest_));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error && !stopped_) begin();
  });
}

void Sweeper::begin() {
  running_ = true;
  again_ = false;
  began_ = Clock::now();
  asio::post(thread_, [this] {
    asio::post(io_, [this, claims = sweep_->guest_memory()] {
      if (stopped_) return;
      if (!claims.ok()) return end(claims.status());
      ownership_.apply_guest_memory(*claims);
      judge();
    });
  });
}

void Sweeper::judge() {
  asio::post(thread_, [this] {
    asio::post(io_, [this, status = sweep_->judge()] {
      if (!stopped_) end(status);
    });
  });
}

void Sweeper::end(const absl::Status& status) {
  const auto now = Clock::now();
  running_ = false;
  earliest_ = now + kIdleShare * (now - began_);
  const std::string problem(status.message());
  if (std::exchange(problem_, problem) != problem && !status.ok()) spdlog::error("{}", problem);
  spdlog::debug("swept in {} us", std::chrono::duration_cast<std::chrono::microseconds>(now - began_).count());
  arm(again_ ? now + kSettling : now + interval_);
}

}  // namespace bulkhead
