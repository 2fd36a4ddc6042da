// Feeds one sink from a thread of its own, through a bounded queue. Private to this folder.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "collector/alerts/sink.h"

namespace bulkhead::alerts {

// Thread safe.
class SinkFeeder {
 public:
  SinkFeeder(std::unique_ptr<Sink> sink, std::size_t capacity, std::chrono::milliseconds retry_interval);
  ~SinkFeeder();

  void start();
  // Lets the sink finish what waits for at most half a second.
  void stop();

  // An alert that waits already is replaced by its newer state.
  void feed(const v1::Alert& alert, Activity activity);
  void reopen() { sink_->reopen(); }

  // Empty when all is well.
  std::string problem() const;
  std::uint64_t dropped() const;

 private:
  struct Item {
    v1::Alert alert;
    Activity activity = Activity::kCreate;
  };

  void run(const std::stop_token& stop);

  const std::unique_ptr<Sink> sink_;
  const std::size_t capacity_;
  const std::chrono::milliseconds retry_interval_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  // Guarded by mutex_. `order_` has the uids of `waiting_`, oldest first.
  std::map<std::string, Item> waiting_;
  std::deque<std::string> order_;
  bool busy_ = false;
  bool stopping_ = false;
  std::string error_;
  std::uint64_t dropped_ = 0;
  bool dropping_ = false;

  std::jthread thread_;
};

}  // namespace bulkhead::alerts
