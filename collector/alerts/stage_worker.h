// The detection stage's thread and what it owns. Private to this folder.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "collector/alerts/detector.h"
#include "collector/alerts/followers.h"
#include "collector/alerts/stage.h"

namespace bulkhead::alerts {

// Thread safe.
class StageWorker {
 public:
  StageWorker(StageSources sources, StageOptions options);

  absl::Status start();
  void stop();
  std::uint64_t lag_events() const;
  std::vector<std::string> problems() const;
  StageStatistics statistics() const;
  bool wait_until_caught_up(std::chrono::milliseconds timeout);
  absl::StatusOr<v1::Alert> change_alert(const v1::ChangeAlertRequest& request);
  void set_rules(std::shared_ptr<const detect::RuleSet> rules);
  Followers& followers() { return followers_; }

 private:
  using Clock = std::chrono::steady_clock;
  // Done on the thread, between two steps.
  using Command = std::function<void()>;
  using Answer = std::promise<absl::StatusOr<v1::Alert>>;
  // What someone waits for until it is stored.
  struct PendingAnswer {
    std::string uid;
    std::shared_ptr<Answer> answer;
  };

  void run(const std::stop_token& stop);
  // Correlations go on where they were: what is in the log of their timespan is judged again, and finds nothing.
  void remember();
  // False when something failed and is to be tried again.
  bool step(const std::stop_token& stop);
  bool read_and_judge(const std::stop_token& stop);
  bool judge(const store::StoredBatch& stored);
  bool finish_judging();
  void idle(const store::Position& end);
  void do_commands();
  // Alerts whose silence is over are told now.
  bool release_silenced();
  void take_changes();
  void decide_telling(Change& change, absl::Time now);
  // False when it failed; the changes are kept for the next attempt.
  bool commit();
  bool position_due() const;
  void publish();
  void publish_rules();
  void set_problem(const std::string& source, std::string text);
  void pause(const std::stop_token& stop);

  const StageSources sources_;
  const StageOptions options_;
  Followers followers_;

  // Of the thread alone while it runs.
  std::unique_ptr<Detector> detector_;
  store::Position read_through_;
  std::vector<Change> uncommitted_;
  std::vector<PendingAnswer> pending_answers_;
  store::Position committed_through_;
  Clock::time_point committed_at_;
  Clock::time_point released_at_;
  Clock::time_point rules_published_at_;
  std::uint64_t judged_events_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  // Guarded by mutex_.
  std::shared_ptr<const detect::RuleSet> rules_;
  std::deque<Command> commands_;
  bool running_ = false;
  store::Position judged_through_;
  std::uint64_t counted_events_ = 0;
  StageStatistics statistics_;
  std::map<std::string, std::string> problems_;
  std::string last_unreadable_;

  std::mutex control_;
  // Guarded by control_.
  std::jthread thread_;
};

}  // namespace bulkhead::alerts
