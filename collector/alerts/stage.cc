#include "collector/alerts/stage.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "collector/alerts/followers.h"
#include "collector/alerts/signals_blocked.h"
#include "collector/detect/engine.h"
#include "proto/batch/batch.h"

namespace bulkhead::alerts {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kIdleWait{100};
// A position without alerts is written this rarely: judging its events again after a crash finds nothing again.
constexpr std::chrono::seconds kPositionInterval{1};

}  // namespace

class DetectionStage::Implementation {
 public:
  Implementation(store::EventLog& log, store::AlertStore& alerts, std::shared_ptr<const detect::RuleSet> rules,
                 HostnameResolver hostname, RecipientsOf recipients, StageOptions options)
      : log_(log),
        alerts_(alerts),
        engine_(std::move(rules)),
        hostname_(std::move(hostname)),
        recipients_(std::move(recipients)),
        options_(options) {}

  absl::Status start();
  void stop();
  std::uint64_t lag_events() const;
  std::vector<std::string> problems() const;
  StageStatistics statistics() const;
  bool wait_until_caught_up(std::chrono::milliseconds timeout);

  Followers& followers() { return followers_; }

 private:
  void run(const std::stop_token& stop);
  bool step(const std::stop_token& stop);
  void idle(const store::Position& end);
  void judge(const store::StoredBatch& stored);
  // False when it failed; the changes are kept for the next attempt.
  bool commit();
  bool position_due() const;
  void publish();
  void set_problem(const std::string& source, std::string text);
  void pause(const std::stop_token& stop);

  store::EventLog& log_;
  store::AlertStore& alerts_;
  const detect::Engine engine_;
  const HostnameResolver hostname_;
  const RecipientsOf recipients_;
  const StageOptions options_;
  Followers followers_;

  // Of the thread alone while it runs.
  std::unique_ptr<Grouper> grouper_;
  store::Position read_through_;
  std::vector<Change> uncommitted_;
  store::Position committed_through_;
  Clock::time_point committed_at_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  // Guarded by mutex_.
  store::Position judged_through_;
  std::uint64_t counted_events_ = 0;
  StageStatistics statistics_;
  std::map<std::string, std::string> problems_;
  std::string last_unreadable_;

  std::mutex control_;
  // Guarded by control_.
  std::jthread thread_;
};

absl::Status DetectionStage::Implementation::start() {
  const std::scoped_lock control(control_);
  if (thread_.joinable()) return absl::FailedPreconditionError("detection runs already");
  grouper_ = std::make_unique<Grouper>(options_.grouping, hostname_);
  const absl::Status restored = alerts_.for_each([this](const v1::Alert& alert) {
    grouper_->restore(alert);
    return true;
  });
  if (!restored.ok()) return restored;
  uncommitted_.clear();
  read_through_ = committed_through_ = alerts_.judged_through();
  committed_at_ = Clock::now();
  {
    const std::scoped_lock lock(mutex_);
    judged_through_ = read_through_;
    counted_events_ = 0;
    statistics_ = {};
    problems_.clear();
    last_unreadable_.clear();
  }
  followers_.open();
  const SignalsBlocked blocked;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  return absl::OkStatus();
}

void DetectionStage::Implementation::stop() {
  const std::scoped_lock control(control_);
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
  followers_.close();
}

void DetectionStage::Implementation::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    if (!step(stop)) pause(stop);
  }
  // The position, and what is left of alerts if the store takes them now.
  if ((!uncommitted_.empty() || committed_through_ != read_through_) && commit()) publish();
}

bool DetectionStage::Implementation::position_due() const {
  return committed_through_ != read_through_ && Clock::now() - committed_at_ >= kPositionInterval;
}

// One read, judged and committed. False when something failed and is to be tried again.
bool DetectionStage::Implementation::step(const std::stop_token& stop) {
  if (!uncommitted_.empty()) {
    if (!commit()) return false;
    publish();
  }
  const store::Position end = log_.end();
  const auto batches = log_.read(read_through_, options_.batches_per_step);
  if (!batches.ok()) {
    set_problem("log", fmt::format("detection cannot read the event log: {}", std::string(batches.status().message())));
    return false;
  }
  set_problem("log", "");
  if (batches->empty()) {
    idle(end);
    log_.wait(read_through_, kIdleWait);
    return true;
  }
  for (const store::StoredBatch& stored : *batches) {
    judge(stored);
    if (stop.stop_requested()) break;
  }
  uncommitted_ = grouper_->take_changes();
  if ((!uncommitted_.empty() || position_due()) && !commit()) return false;
  publish();
  return true;
}

// At the log's end the store's count is exact.
void DetectionStage::Implementation::idle(const store::Position& end) {
  const std::uint64_t events = log_.statistics().events;
  if (position_due()) commit();
  const std::scoped_lock lock(mutex_);
  if (log_.end() == end) counted_events_ = events;
}

void DetectionStage::Implementation::judge(const store::StoredBatch& stored) {
  read_through_ = stored.position;
  const auto events = batch::unpack(stored.batch);
  std::uint64_t findings = 0;
  if (events.ok()) {
    for (const v1::Event& event : *events) {
      for (const detect::Finding& finding : engine_.evaluate(event)) {
        grouper_->add(finding, event);
        ++findings;
      }
    }
  }
  const std::scoped_lock lock(mutex_);
  counted_events_ += static_cast<std::uint64_t>(stored.batch.events_size());
  statistics_.findings += findings;
  if (events.ok()) {
    statistics_.events += events->size();
    return;
  }
  ++statistics_.unreadable_batches;
  last_unreadable_ = fmt::format("host {}, boot {}, sequence {}: {}", stored.batch.host_id(), stored.batch.boot_id(),
                                 stored.batch.first_sequence(), std::string(events.status().message()));
}

bool DetectionStage::Implementation::commit() {
  std::vector<v1::Alert> alerts;
  std::vector<store::Notice> notices;
  alerts.reserve(uncommitted_.size());
  for (const Change& change : uncommitted_) {
    alerts.push_back(change.alert);
    if (!change.notable || !recipients_) continue;
    std::vector<std::string> sinks = recipients_(change.alert);
    if (sinks.empty()) continue;
    const auto activity = change.opened ? store::Activity::kCreate : store::Activity::kUpdate;
    notices.push_back({change.alert, activity, std::move(sinks)});
  }
  const absl::Status committed = alerts_.commit(alerts, read_through_, notices);
  if (!committed.ok()) {
    set_problem("store",
                fmt::format("detection cannot store {} alerts: {}", alerts.size(), std::string(committed.message())));
    return false;
  }
  set_problem("store", "");
  committed_through_ = read_through_;
  committed_at_ = Clock::now();
  return true;
}

void DetectionStage::Implementation::publish() {
  followers_.publish(uncommitted_);
  const auto opened = std::ranges::count_if(uncommitted_, [](const Change& change) { return change.opened; });
  uncommitted_.clear();
  const std::scoped_lock lock(mutex_);
  statistics_.alerts_opened += static_cast<std::uint64_t>(opened);
  judged_through_ = read_through_;
  changed_.notify_all();
}

void DetectionStage::Implementation::set_problem(const std::string& source, std::string text) {
  const std::scoped_lock lock(mutex_);
  if (text.empty()) {
    problems_.erase(source);
  } else {
    problems_[source] = std::move(text);
  }
}

void DetectionStage::Implementation::pause(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, stop, options_.retry_interval, [] { return false; });
}

std::uint64_t DetectionStage::Implementation::lag_events() const {
  const store::Position end = log_.end();
  const std::uint64_t events = log_.statistics().events;
  const std::scoped_lock lock(mutex_);
  if (end <= judged_through_) return 0;
  return events > counted_events_ ? events - counted_events_ : 1;
}

std::vector<std::string> DetectionStage::Implementation::problems() const {
  std::vector<std::string> problems;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [source, text] : problems_) problems.push_back(text);
    if (statistics_.unreadable_batches > 0) {
      problems.push_back(fmt::format("detection skipped {} stored batches that it could not unpack; the last: {}",
                                     statistics_.unreadable_batches, last_unreadable_));
    }
  }
  return problems;
}

StageStatistics DetectionStage::Implementation::statistics() const {
  const std::scoped_lock lock(mutex_);
  return statistics_;
}

bool DetectionStage::Implementation::wait_until_caught_up(std::chrono::milliseconds timeout) {
  const store::Position end = log_.end();
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, timeout, [&] { return judged_through_ >= end; });
}

DetectionStage::DetectionStage(store::EventLog& log, store::AlertStore& alerts,
                               std::shared_ptr<const detect::RuleSet> rules, HostnameResolver hostname,
                               RecipientsOf recipients, StageOptions options)
    : implementation_(std::make_unique<Implementation>(log, alerts, std::move(rules), std::move(hostname),
                                                       std::move(recipients), options)) {}

DetectionStage::~DetectionStage() {
  stop();
}

absl::Status DetectionStage::start() {
  return implementation_->start();
}

void DetectionStage::stop() {
  implementation_->stop();
}

std::uint64_t DetectionStage::lag_events() const {
  return implementation_->lag_events();
}

std::vector<std::string> DetectionStage::problems() const {
  return implementation_->problems();
}

StageStatistics DetectionStage::statistics() const {
  return implementation_->statistics();
}

bool DetectionStage::wait_until_caught_up(std::chrono::milliseconds timeout) {
  return implementation_->wait_until_caught_up(timeout);
}

std::shared_ptr<Subscription> DetectionStage::subscribe(std::function<void()> notify, std::size_t capacity) {
  return implementation_->followers().subscribe(std::move(notify), capacity);
}

}  // namespace bulkhead::alerts
