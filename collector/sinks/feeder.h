// Feeds one sink from its queue in the outbox, in a thread of its own. Private to this folder and its tests.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "collector/sinks/backoff.h"
#include "collector/sinks/sink.h"
#include "collector/store/outbox.h"

namespace bulkhead::sinks {

// Thread safe.
class Feeder {
 public:
  // Since start().
  struct Statistics {
    std::uint64_t delivered = 0;
    // Attempts that failed and were, or will be, repeated.
    std::uint64_t retries = 0;
    // Refused for good by the peer.
    std::uint64_t refused = 0;
    // Why it refused the last of them.
    std::string last_refusal;
    // The last attempt reached the peer.
    bool connected = false;
    // Why the last attempt failed; empty when it did not.
    std::string problem;
  };

  // `outbox` outlives the feeder; `name` is the queue's.
  Feeder(std::string name, std::unique_ptr<Sink> sink, store::Outbox& outbox, Retry retry);
  // Stops.
  ~Feeder();

  // The thread that calls it has blocked what signals the feeder's thread must not get.
  void start();
  // In two steps, so that many feeders end at the same time: a sink that works may finish what waits, for at most half
  // a second after the first; the second returns when the thread has ended.
  void finish();
  void stop();

  const std::string& name() const { return name_; }
  Sink& sink() { return *sink_; }
  Statistics statistics() const;

 private:
  void run(const std::stop_token& stop);
  // One batch. False when something is to be tried again.
  bool feed(const std::stop_token& stop);
  bool settle(const std::vector<store::OutboxEntry>& entries, const std::vector<absl::Status>& results);
  bool keep_up(const std::stop_token& stop);
  void worked(bool delivered);
  void failed(const absl::Status& status, const std::stop_token& stop);
  bool finishing() const;
  // Waits for the next attempt.
  void pause(const std::stop_token& stop);

  const std::string name_;
  const std::unique_ptr<Sink> sink_;
  store::Outbox& outbox_;
  Backoff backoff_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  // Guarded by mutex_.
  Statistics statistics_;
  // What the peer asked for when it failed last.
  std::chrono::milliseconds asked_pause_{0};
  bool finishing_ = false;
  bool ended_ = true;
  std::chrono::steady_clock::time_point finish_by_;

  std::jthread thread_;
};

}  // namespace bulkhead::sinks
