#include "collector/alerts/sink_feeder.h"

#include <fmt/format.h>

#include <utility>

namespace bulkhead::alerts {
namespace {

constexpr std::chrono::milliseconds kStopGrace{500};

}  // namespace

SinkFeeder::SinkFeeder(std::unique_ptr<Sink> sink, std::size_t capacity, std::chrono::milliseconds retry_interval)
    : sink_(std::move(sink)), capacity_(capacity), retry_interval_(retry_interval) {}

SinkFeeder::~SinkFeeder() {
  stop();
}

void SinkFeeder::start() {
  stop();
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = false;
  }
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void SinkFeeder::stop() {
  if (!thread_.joinable()) return;
  {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
    // A sink that fails is not waited for: it had its chance.
    changed_.wait_for(lock, kStopGrace, [this] { return (order_.empty() && !busy_) || !error_.empty(); });
  }
  thread_.request_stop();
  thread_.join();
}

void SinkFeeder::feed(const v1::Alert& alert, Activity activity) {
  const std::scoped_lock lock(mutex_);
  const auto waiting = waiting_.find(alert.uid());
  if (waiting != waiting_.end()) {
    // Who has not heard of it hears of it as new.
    waiting->second.alert = alert;
    return;
  }
  if (order_.size() >= capacity_) {
    ++dropped_;
    dropping_ = true;
    return;
  }
  waiting_.emplace(alert.uid(), Item{alert, activity});
  order_.push_back(alert.uid());
  changed_.notify_all();
}

void SinkFeeder::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return !order_.empty(); })) {
    const std::string uid = order_.front();
    order_.pop_front();
    Item item = std::move(waiting_.extract(uid).mapped());
    busy_ = true;
    lock.unlock();
    const absl::Status delivered = sink_->deliver(item.alert, item.activity, stop);
    lock.lock();
    busy_ = false;
    if (delivered.ok()) {
      error_.clear();
      if (order_.empty()) dropping_ = false;
      changed_.notify_all();
      if (stop.stop_requested()) return;
      continue;
    }
    error_ = std::string(delivered.message());
    // Back to the front; what came in meanwhile is newer.
    const auto [waiting, absent] = waiting_.try_emplace(uid, std::move(item));
    if (absent) {
      order_.push_front(uid);
    } else {
      waiting->second.activity = item.activity;
    }
    changed_.notify_all();
    changed_.wait_for(lock, stop, retry_interval_, [this] { return stopping_; });
    if (stopping_ || stop.stop_requested()) return;
  }
}

std::string SinkFeeder::problem() const {
  const std::scoped_lock lock(mutex_);
  std::string text;
  if (!error_.empty()) text = fmt::format("alert sink {}: {}; {} alerts wait", sink_->name(), error_, order_.size());
  if (dropping_) {
    text += fmt::format("{}alert sink {}: too slow, {} alerts were not delivered to it; the store has them",
                        text.empty() ? "" : "; ", sink_->name(), dropped_);
  }
  return text;
}

std::uint64_t SinkFeeder::dropped() const {
  const std::scoped_lock lock(mutex_);
  return dropped_;
}

}  // namespace bulkhead::alerts
