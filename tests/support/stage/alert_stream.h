// The collector's alerts as they come out of its stdout: OCSF Detection Findings, one a line (docs/alerts.md).
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/support/stage/child_process.h"

namespace bulkhead::stage {

struct Alert {
  std::string uid;
  std::string rule;
  std::string actor_tenant;
  std::string object_tenant;
  // Of the newest event among the evidence; 0 when no process stands for the actor (frames between two ports).
  pid_t actor_pid = 0;
  std::string object;
  std::string message;
  // The line as it came.
  std::string json;
  // When the newest access among the evidence happened, by the kernel's stamp, and when the line was read here.
  std::chrono::system_clock::time_point acted;
  std::chrono::system_clock::time_point received;
};

// kInvalidArgument says what a Detection Finding would have had.
absl::StatusOr<Alert> parse_alert(const std::string& json);

// Reads from a thread of its own, so that `received` is true and the collector never waits. Its methods may be called
// from any one thread.
class AlertStream {
 public:
  // Called from the stream's thread.
  using Listener = std::function<void(const Alert&)>;

  // Takes over the stdout of `collector`, which outlives the stream.
  explicit AlertStream(ChildProcess& collector, Listener listener = {});

  // The first alert, of those so far and those to come, that satisfies the predicate. kDeadlineExceeded: none;
  // else why there will be no more: kOutOfRange: the collector closed its stdout; kInvalidArgument: it printed
  // something that is no alert.
  absl::StatusOr<Alert> wait_for(const std::function<bool(const Alert&)>& predicate, Milliseconds timeout);

  // All so far; an alert that grew is there more than once.
  std::vector<Alert> seen() const;

 private:
  void read(const std::stop_token& stop);

  ChildProcess& collector_;
  const Listener listener_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Alert> seen_;  // guarded by mutex_
  absl::Status end_;         // guarded by mutex_; not OK once the thread has ended
  std::jthread reader_;
};

}  // namespace bulkhead::stage
