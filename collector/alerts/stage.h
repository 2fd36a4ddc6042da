// The thread that follows the event log, judges each event, groups findings into alerts, commits them together with its
// position and what sinks are to hear of them, and then tells followers. What people do to alerts goes through it, too,
// so that it alone writes them.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bulkhead/v1/alert.pb.h"
#include "bulkhead/v1/control.pb.h"
#include "collector/alerts/authorisation.h"
#include "collector/alerts/grouper.h"
#include "collector/alerts/rule_meter.h"
#include "collector/alerts/silences.h"
#include "collector/detect/correlator.h"
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

struct CorrelationFigures {
  std::string rule;
  // Since the rules were taken up; its own `rule` is null.
  detect::CorrelationStatistics statistics;
};

// Since start().
struct StageStatistics {
  std::uint64_t events = 0;
  std::uint64_t findings = 0;
  std::uint64_t alerts_opened = 0;
  // Batches that could not be unpacked: reported and skipped.
  std::uint64_t unreadable_batches = 0;
  // At most a second old.
  std::vector<RuleStatistics> rules = {};
  std::vector<CorrelationFigures> correlations = {};
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

class StageWorker;

// Names of the sinks that are to hear of an alert. Must not block.
using RecipientsOf = std::function<std::vector<std::string>(const v1::Alert&)>;

// What the stage works with; what is referred to outlives it. The functions are called from the stage's thread.
struct StageSources {
  store::EventLog& log;
  store::AlertStore& alerts;
  std::shared_ptr<const detect::RuleSet> rules;
  // For each alert that opens.
  HostnameResolver hostname;
  // Null: nobody hears of any.
  RecipientsOf recipients = {};
  // Null: nothing is ever authorised.
  Authoriser authorise = {};
  // Null: nothing is silenced.
  Silences* silences = nullptr;
  // After each commit: alerts as they are stored now.
  std::function<void(const std::vector<Change>&)> committed = {};
};

// Thread safe.
class DetectionStage {
 public:
  explicit DetectionStage(StageSources sources, StageOptions options = {});
  // Stops.
  ~DetectionStage();
  DetectionStage(const DetectionStage&) = delete;
  DetectionStage& operator=(const DetectionStage&) = delete;

  // Rebuilds the open alerts from the store and starts to follow the log from AlertStore::judged_through(). May be
  // called again after stop().
  absl::Status start();
  // Returns within about a second also while the log is idle or the store fails. What was judged and not
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

  // Acknowledges, closes, opens again; returns once it is stored. Errors: those of change_state(), kNotFound,
  // kUnavailable while the stage does not run or the store does not take it.
  absl::StatusOr<v1::Alert> change_alert(const v1::ChangeAlertRequest& request);

  // From the next event on.
  void set_rules(std::shared_ptr<const detect::RuleSet> rules);

 private:
  std::unique_ptr<StageWorker> worker_;
};

}  // namespace bulkhead::alerts
