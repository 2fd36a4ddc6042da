#include "agent/stream/stream.h"

#include <spdlog/spdlog.h>

#include <atomic>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/stream/backoff.h"
#include "agent/stream/feed.h"
#include "agent/stream/session.h"
#include "agent/stream/wakeup.h"
#include "net/endpoint.h"
#include "proto/batch/limits.h"

namespace bulkhead::stream {
namespace {

using std::chrono::steady_clock;

// What stop() lets an orderly end take before it cuts the connection.
constexpr std::chrono::seconds kStopTimeout{2};

absl::Status check(const Options& options) {
  const auto collector = net::parse_peer(options.collector);
  if (!collector.ok()) return collector.status();
  if (!net::is_local(*collector) && !options.allow_plaintext) {
    return absl::InvalidArgumentError(absl::StrCat("collector ", options.collector,
                                                   " is not on this host, and events must not leave it in the clear; "
                                                   "use a loopback address or a unix socket"));
  }
  if (options.hello.host_id().empty() || options.hello.boot_id().empty()) {
    return absl::InvalidArgumentError("stream's Hello names no host or no boot");
  }
  if (options.window_batches == 0 || options.window_bytes == 0 || options.health_interval.count() <= 0 ||
      options.first_backoff.count() <= 0 || options.last_backoff < options.first_backoff ||
      options.connect_timeout.count() <= 0) {
    return absl::InvalidArgumentError("stream's window, intervals and timeouts must be more than 0");
  }
  return absl::OkStatus();
}

absl::Status check_size(const char* what, std::size_t bytes) {
  // The message around it takes a few bytes more.
  constexpr std::size_t kLimit = limits::kMessageBytes - 64;
  if (bytes <= kLimit) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(what, " of ", bytes, " bytes is not sent: the limit is ", kLimit));
}

}  // namespace

class Stream::Implementation {
 public:
  Implementation(Options options, spool::Spool& spool) : options_(std::move(options)), spool_(spool) {
    spool_.set_listener([this] { wakeup_.signal(); });
    worker_ = std::thread([this] { run(); });
  }

  ~Implementation() {
    stop();
    spool_.set_listener(nullptr);
  }

  absl::Status set_inventory(v1::Inventory inventory) {
    if (auto status = check_size("inventory", inventory.ByteSizeLong()); !status.ok()) return status;
    feed_.inventory.set(std::move(inventory));
    wakeup_.signal();
    return absl::OkStatus();
  }

  absl::Status set_coverage(v1::Coverage coverage) {
    if (auto status = check_size("coverage", coverage.ByteSizeLong()); !status.ok()) return status;
    feed_.coverage.set(std::move(coverage));
    wakeup_.signal();
    return absl::OkStatus();
  }

  State state() const {
    State state;
    {
      const std::lock_guard lock(mutex_);
      state = state_;
    }
    state.acknowledged_through = spool_.statistics().acknowledged_through;
    return state;
  }

  bool drain(std::chrono::milliseconds timeout) {
    const auto deadline = steady_clock::now() + timeout;
    const auto is_drained = [this] { return spool_.statistics().unacknowledged_events == 0; };
    while (!is_drained() && !stopping_ && steady_clock::now() < deadline) acknowledged_.wait_until(deadline);
    stop();
    return is_drained();
  }

  void stop() {
    stopping_ = true;
    wakeup_.signal();
    acknowledged_.signal();
    const std::lock_guard one_at_a_time(stop_mutex_);
    if (!worker_.joinable()) return;
    std::unique_lock lock(mutex_);
    if (!ended_.wait_for(lock, kStopTimeout, [this] { return has_ended_; }) && session_ != nullptr) session_->cancel();
    lock.unlock();
    worker_.join();
  }

 private:
  void run() {
    Backoff backoff(options_.first_backoff, options_.last_backoff);
    while (!stopping_) {
      Session session({.options = options_,
                       .spool = spool_,
                       .feed = feed_,
                       .wakeup = wakeup_,
                       .stopping = stopping_,
                       .observer = {.welcomed = [this] { connected(); },
                                    .sent_batch = [this] { sent_batch(); },
                                    .acknowledged = [this] { acknowledged_.signal(); }}});
      set_session(&session);
      const absl::Status status = session.run();
      set_session(nullptr);
      disconnected(status);
      if (session.advanced()) backoff.reset();
      // An orderly end that was not asked for: there are more boots to send.
      if (!status.ok()) sleep(backoff.next());
    }
    {
      const std::lock_guard lock(mutex_);
      has_ended_ = true;
    }
    ended_.notify_all();
  }

  void sleep(std::chrono::milliseconds time) {
    const auto deadline = steady_clock::now() + time;
    while (!stopping_ && steady_clock::now() < deadline) wakeup_.wait_until(deadline);
  }

  void set_session(Session* session) {
    const std::lock_guard lock(mutex_);
    session_ = session;
  }

  void sent_batch() {
    const std::lock_guard lock(mutex_);
    ++state_.sent_batches;
  }

  void connected() {
    const std::lock_guard lock(mutex_);
    state_.connected = true;
    state_.error.clear();
    ++state_.sessions;
    is_reported_ = false;
    spdlog::info("stream: connected to collector {}", options_.collector);
  }

  // Each change is told once, the retries that follow are not.
  void disconnected(const absl::Status& status) {
    const std::lock_guard lock(mutex_);
    const bool was_connected = std::exchange(state_.connected, false);
    state_.error = std::string(status.message());
    if (stopping_) {
      if (was_connected) spdlog::info("stream: left collector {}", options_.collector);
      return;
    }
    if (status.ok() || std::exchange(is_reported_, true)) return;
    spdlog::warn("stream: {} collector {}: {}; events wait in the spool, trying again",
                 was_connected ? "lost" : "cannot reach", options_.collector, state_.error);
  }

  const Options options_;
  spool::Spool& spool_;
  Feed feed_;
  Wakeup wakeup_;
  Wakeup acknowledged_;
  std::atomic<bool> stopping_ = false;
  std::mutex stop_mutex_;

  mutable std::mutex mutex_;
  State state_;
  bool is_reported_ = false;
  Session* session_ = nullptr;
  std::condition_variable ended_;
  bool has_ended_ = false;

  std::thread worker_;
};

absl::StatusOr<std::unique_ptr<Stream>> Stream::start(Options options, spool::Spool& spool) {
  if (auto status = check(options); !status.ok()) return status;
  return std::unique_ptr<Stream>(new Stream(std::make_unique<Implementation>(std::move(options), spool)));
}

Stream::Stream(std::unique_ptr<Implementation> implementation) : implementation_(std::move(implementation)) {}
Stream::~Stream() = default;

absl::Status Stream::set_inventory(v1::Inventory inventory) {
  return implementation_->set_inventory(std::move(inventory));
}
absl::Status Stream::set_coverage(v1::Coverage coverage) {
  return implementation_->set_coverage(std::move(coverage));
}
State Stream::state() const {
  return implementation_->state();
}
bool Stream::drain(std::chrono::milliseconds timeout) {
  return implementation_->drain(timeout);
}
void Stream::stop() {
  implementation_->stop();
}

}  // namespace bulkhead::stream
