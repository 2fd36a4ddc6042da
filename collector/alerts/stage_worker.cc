#include "collector/alerts/stage_worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "collector/alerts/life_cycle.h"
#include "collector/alerts/signals_blocked.h"

namespace bulkhead::alerts {
namespace {

constexpr std::chrono::milliseconds kIdleWait{100};
// A position without alerts is written this rarely: judging its events again after a crash finds nothing again.
constexpr std::chrono::seconds kPositionInterval{1};
constexpr std::chrono::seconds kReleaseInterval{1};
constexpr std::chrono::milliseconds kRulesInterval{500};
constexpr std::chrono::seconds kAnswerWait{10};
// A start is not held up for longer than it takes to judge so many again.
constexpr std::uint64_t kRememberedEvents = 1'000'000;

store::Activity activity_of(const Change& change) {
  if (change.alert.state() == v1::ALERT_STATE_CLOSED) return store::Activity::kClose;
  return change.first_told ? store::Activity::kCreate : store::Activity::kUpdate;
}

}  // namespace

StageWorker::StageWorker(StageSources sources, StageOptions options)
    : sources_(std::move(sources)), options_(options), rules_(sources_.rules) {}

absl::Status StageWorker::start() {
  const std::scoped_lock control(control_);
  if (thread_.joinable()) return absl::FailedPreconditionError("detection runs already");
  uncommitted_.clear();
  read_through_ = committed_through_ = sources_.alerts.judged_through();
  committed_at_ = Clock::now();
  released_at_ = {};
  rules_published_at_ = {};
  {
    const std::scoped_lock lock(mutex_);
    detector_ = std::make_unique<Detector>(
        rules_, sources_.authorise, Grouper(options_.grouping, sources_.hostname, [this](const std::string& uid) {
          return sources_.alerts.find(uid);
        }));
    running_ = true;
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

void StageWorker::stop() {
  const std::scoped_lock control(control_);
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
  {
    const std::scoped_lock lock(mutex_);
    running_ = false;
    // Whoever waits for one learns that it will not be done.
    commands_.clear();
    pending_answers_.clear();
    changed_.notify_all();
  }
  followers_.close();
}

void StageWorker::remember() {
  if (read_through_.bytes().empty()) return;
  const auto newest = sources_.log.read_before(read_through_, 1);
  if (!newest.ok()) return;
  const auto base_ns = newest->empty() ? 0 : static_cast<std::int64_t>(newest->front().batch.base_time_ns());
  const std::int64_t since_ns = base_ns - absl::ToInt64Nanoseconds(detector_->horizon());
  auto position = sources_.log.before_time(std::max<std::int64_t>(since_ns, 0));
  for (std::uint64_t events = 0; position.ok() && events < kRememberedEvents;) {
    const auto batches = sources_.log.read(*position, options_.batches_per_step);
    if (!batches.ok() || batches->empty()) return;
    for (const store::StoredBatch& stored : *batches) {
      if (stored.position > read_through_) return;
      detector_->remember(stored.batch);
      events += static_cast<std::uint64_t>(stored.batch.events_size());
      *position = stored.position;
    }
  }
}

void StageWorker::run(const std::stop_token& stop) {
  remember();
  while (!stop.stop_requested()) {
    if (!step(stop)) pause(stop);
  }
  // The position, and what is left of alerts if the store takes them now. A batch that is half judged is judged again.
  if (detector_->unfinished()) return;
  if ((!uncommitted_.empty() || committed_through_ != read_through_) && commit()) publish();
}

bool StageWorker::position_due() const {
  return committed_through_ != read_through_ && Clock::now() - committed_at_ >= kPositionInterval;
}

bool StageWorker::step(const std::stop_token& stop) {
  if (!uncommitted_.empty()) {
    if (!commit()) return false;
    publish();
  }
  do_commands();
  if (!release_silenced() || !read_and_judge(stop)) return false;
  take_changes();
  if ((!uncommitted_.empty() || position_due()) && !commit()) return false;
  publish();
  return true;
}

// One read, judged.
bool StageWorker::read_and_judge(const std::stop_token& stop) {
  if (!finish_judging()) return false;
  const store::Position end = sources_.log.end();
  const auto batches = sources_.log.read(read_through_, options_.batches_per_step);
  if (!batches.ok()) {
    set_problem("log", fmt::format("detection cannot read the event log: {}", std::string(batches.status().message())));
    return false;
  }
  set_problem("log", "");
  if (batches->empty()) {
    idle(end);
    sources_.log.wait(read_through_, kIdleWait);
    return true;
  }
  for (const store::StoredBatch& stored : *batches) {
    if (!judge(stored)) return false;
    if (stop.stop_requested()) break;
  }
  return true;
}

// At the log's end the store's count is exact.
void StageWorker::idle(const store::Position& end) {
  const std::uint64_t events = sources_.log.statistics().events;
  const std::scoped_lock lock(mutex_);
  if (sources_.log.end() == end) counted_events_ = events;
}

bool StageWorker::judge(const store::StoredBatch& stored) {
  read_through_ = stored.position;
  judged_events_ += static_cast<std::uint64_t>(stored.batch.events_size());
  const absl::Status judged = detector_->judge(stored.batch);
  if (absl::IsInvalidArgument(judged)) {
    const std::scoped_lock lock(mutex_);
    ++statistics_.unreadable_batches;
    last_unreadable_ = fmt::format("host {}, boot {}, sequence {}: {}", stored.batch.host_id(), stored.batch.boot_id(),
                                   stored.batch.first_sequence(), std::string(judged.message()));
    return true;
  }
  return judged.ok() || finish_judging();
}

// Until the last batch that was read is judged whole, its position must not be written.
bool StageWorker::finish_judging() {
  const absl::Status judged = detector_->go_on();
  set_problem("alerts", judged.ok()
                            ? std::string()
                            : fmt::format("detection cannot read stored alerts: {}", std::string(judged.message())));
  return judged.ok();
}

void StageWorker::do_commands() {
  std::deque<Command> commands;
  {
    const std::scoped_lock lock(mutex_);
    commands.swap(commands_);
  }
  for (const Command& command : commands) command();
}

absl::StatusOr<v1::Alert> StageWorker::change_alert(const v1::ChangeAlertRequest& request) {
  auto answer = std::make_shared<Answer>();
  auto result = answer->get_future();
  {
    const std::scoped_lock lock(mutex_);
    if (!running_) return absl::UnavailableError("detection does not run");
    commands_.push_back([this, request, answer = std::move(answer)] {
      const absl::Status changed = detector_->grouper().amend(
          request.uid(),
          [&](v1::Alert& alert) { return change_state(request.to(), request.by(), request.why(), absl::Now(), alert); },
          true);
      if (changed.ok()) {
        pending_answers_.push_back({request.uid(), answer});
      } else {
        answer->set_value(changed);
      }
    });
  }
  if (result.wait_for(kAnswerWait) != std::future_status::ready) {
    return absl::UnavailableError("the change is not stored yet; see bulkheadctl status");
  }
  try {
    return result.get();
  } catch (const std::future_error&) {
    return absl::UnavailableError("the collector is stopping");
  }
}

void StageWorker::set_rules(std::shared_ptr<const detect::RuleSet> rules) {
  const std::scoped_lock lock(mutex_);
  rules_ = std::move(rules);
  if (running_)
    commands_.push_back([this, rules = rules_] {
      detector_->set_rules(rules);
      remember();
    });
}

std::uint64_t StageWorker::lag_events() const {
  const store::Position end = sources_.log.end();
  const std::uint64_t events = sources_.log.statistics().events;
  const std::scoped_lock lock(mutex_);
  if (end <= judged_through_) return 0;
  return events > counted_events_ ? events - counted_events_ : 1;
}

std::vector<std::string> StageWorker::problems() const {
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

StageStatistics StageWorker::statistics() const {
  const std::scoped_lock lock(mutex_);
  return statistics_;
}

bool StageWorker::wait_until_caught_up(std::chrono::milliseconds timeout) {
  const store::Position end = sources_.log.end();
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, timeout, [&] { return judged_through_ >= end; });
}

bool StageWorker::release_silenced() {
  if (sources_.silences == nullptr || Clock::now() - released_at_ < kReleaseInterval) return true;
  released_at_ = Clock::now();
  if (!sources_.silences->take_ended(absl::Now())) return true;
  std::vector<std::string> uids;
  const absl::Time now = absl::Now();
  const absl::Status read = sources_.alerts.for_each([&](const v1::Alert& alert) {
    if (!alert.silence_id().empty() && !sources_.silences->in_force(alert.silence_id(), now)) {
      uids.push_back(alert.uid());
    }
    return true;
  });
  absl::Status released = read;
  for (const std::string& uid : uids) {
    released.Update(detector_->grouper().amend(
        uid,
        [](v1::Alert& alert) {
          alert.clear_silence_id();
          return absl::OkStatus();
        },
        true));
  }
  if (released.ok()) return true;
  sources_.silences->put_back_ended();
  set_problem("silences",
              fmt::format("alerts whose silence is over cannot be read: {}", std::string(released.message())));
  return false;
}

void StageWorker::take_changes() {
  const absl::Time now = absl::Now();
  std::vector<Change> changes = detector_->grouper().take_changes();
  for (Change& change : changes) decide_telling(change, now);
  uncommitted_.insert(uncommitted_.end(), std::make_move_iterator(changes.begin()),
                      std::make_move_iterator(changes.end()));
}

// Whether sinks hear of it. What that writes into the alert is written into the one at hand as well.
void StageWorker::decide_telling(Change& change, absl::Time now) {
  v1::Alert& alert = change.alert;
  // Sinks have no use for the end of what they never heard of.
  const bool ended_unheard = alert.state() == v1::ALERT_STATE_CLOSED && !alert.told();
  if (alert.state() == v1::ALERT_STATE_AUTHORISED || ended_unheard) change.notable = false;
  if (!change.notable) return;
  const std::string silence = sources_.silences == nullptr ? "" : sources_.silences->match(alert, now);
  change.notable = silence.empty();
  change.first_told = !alert.told();
  alert.set_silence_id(silence);
  if (silence.empty()) alert.set_told(true);
  detector_->grouper().note_telling(alert.uid(), silence, alert.told());
}

bool StageWorker::commit() {
  std::vector<v1::Alert> alerts;
  std::vector<store::Notice> notices;
  alerts.reserve(uncommitted_.size());
  for (const Change& change : uncommitted_) {
    alerts.push_back(change.alert);
    if (!change.notable || !sources_.recipients) continue;
    std::vector<std::string> sinks = sources_.recipients(change.alert);
    if (!sinks.empty()) notices.push_back({change.alert, activity_of(change), std::move(sinks)});
  }
  const absl::Status committed = sources_.alerts.commit(alerts, read_through_, notices);
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

void StageWorker::publish() {
  followers_.publish(uncommitted_);
  if (sources_.committed && !uncommitted_.empty()) sources_.committed(uncommitted_);
  std::erase_if(pending_answers_, [this](const PendingAnswer& pending) {
    const auto change = std::ranges::find(uncommitted_, pending.uid, [](const Change& one) { return one.alert.uid(); });
    if (change == uncommitted_.end()) return false;
    pending.answer->set_value(change->alert);
    return true;
  });
  std::uint64_t opened = 0;
  for (const Change& change : uncommitted_) {
    if (!change.opened) continue;
    ++opened;
    detector_->meter().opened(change.alert.rule().id());
  }
  uncommitted_.clear();
  publish_rules();
  const std::scoped_lock lock(mutex_);
  statistics_.alerts_opened += opened;
  statistics_.events += judged_events_;
  counted_events_ += std::exchange(judged_events_, 0);
  statistics_.findings += detector_->take_findings();
  judged_through_ = read_through_;
  changed_.notify_all();
}

// Thousands of rules are not copied at every step.
void StageWorker::publish_rules() {
  if (Clock::now() - rules_published_at_ < kRulesInterval) return;
  rules_published_at_ = Clock::now();
  std::vector<RuleStatistics> rules = detector_->meter().statistics();
  std::vector<CorrelationFigures> correlations;
  for (detect::CorrelationStatistics one : detector_->correlations()) {
    const std::string id = one.rule->reference.id();
    one.rule = nullptr;
    correlations.push_back({id, one});
  }
  const std::scoped_lock lock(mutex_);
  statistics_.rules = std::move(rules);
  statistics_.correlations = std::move(correlations);
}

void StageWorker::set_problem(const std::string& source, std::string text) {
  const std::scoped_lock lock(mutex_);
  if (text.empty()) {
    problems_.erase(source);
  } else {
    problems_[source] = std::move(text);
  }
}

void StageWorker::pause(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, stop, options_.retry_interval, [] { return false; });
}

}  // namespace bulkhead::alerts
