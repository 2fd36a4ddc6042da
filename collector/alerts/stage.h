// The thread that follows the event log, judges each event, groups findings into alerts, commits them together with its
// position and what sinks are to hear of them, and then tells followers.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "bulkhead/v1/alert.pb.h"
#include "collector/alerts/grouper.h"
#include "collector/detect/rule_set.h"
#include "collector/store/alert_store.h"
#include "collector/store/event_log.h"

namespace bulkhead::alerts {

struct StageOptions {
  GroupingOptions grouping;
  // Batches read from the log at a time; all their alerts are committed in one write.
  std::size_t batches_per_step = 64;
  // Between attempts when the log or the store fails.
  std::chrono::milliseconds retry_interval{1000};
};

// Since start().
struct StageStatistics {
  std::uint64_t events = 0;
  std::uint64_t findings = 0;
  std::uint64_t alerts_opened = 0;
  // Batches that could not be unpacked: reported and skipped.
  std::uint64_t unreadable_batches = 0;
};

// A follower's bounded queue of alerts that opened or grew, each in its state at that time. Thread safe.
class Subscription {
 public:
  virtual ~Subscription() = default;

  // The next alert if there is one.
  virtual std::optional<v1::Alert> try_next() = 0;
  // Waits for one; nothing at the timeout and once the stage has stopped.
  virtual std::optional<v1::Alert> next(std::chrono::milliseconds timeout) = 0;
  // Alerts that found the queue full since the last call. A follower that missed some reads the store again.
  virtual std::uint64_t take_missed() = 0;
  // The stage has stopped and nothing more will come.
  virtual bool closed() const = 0;
};

// Names of the sinks that are to hear of an alert. Called from the stage's thread; must not block.
using RecipientsOf = std::function<std::vector<std::string>(const v1::Alert&)>;

// Thread safe.
class DetectionStage {
 public:
  // `log` and `alerts` must outlive the stage. `hostname` is called from the stage's thread for each alert that opens,
  // `recipients` (if there is one) for each that has something to tell.
  DetectionStage(store::EventLog& log, store::AlertStore& alerts, std::shared_ptr<const detect::RuleSet> rules,
                 HostnameResolver hostname, RecipientsOf recipients, StageOptions options = {});
  // Stops.
  ~DetectionStage();
  DetectionStage(const DetectionStage&) = delete;
  DetectionStage& operator=(const DetectionStage&) = delete;

  // Rebuilds the open alerts from the store and starts to follow the log from AlertStore::judged_through(). May be
  // called again after stop().
  absl::Status start();
  // Returns within about a second also while the log is idle, the store fails. What was judged and not
  // committed is judged again after the next start. Safe to repeat.
  void stop();

  // Stored events that are not judged yet; 0 means that detection is at the log's end. Until it has been there once
  // since start() this may be too high, never too low.
  std::uint64_t lag_events() const;
  // What needs a person now, a line each; empty when all is well.
  std::vector<std::string> problems() const;
  StageStatistics statistics() const;
  // Waits until everything in the log at the moment of the call is judged and committed; false at the timeout.
  bool wait_until_caught_up(std::chrono::milliseconds timeout);

  // `notify`, if given, is called from the stage's thread after something was queued and when the stage stops. It must
  // not block nor call into the stage. Dropping the returned pointer ends the subscription; a call that is under way
  // at that moment may still finish, so what it captures must be shared with the caller.
  std::shared_ptr<Subscription> subscribe(std::function<void()> notify = {}, std::size_t capacity = 1024);

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace bulkhead::alerts
