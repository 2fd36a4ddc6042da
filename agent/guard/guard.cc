#include "agent/guard/guard.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/guard/coverage_change.h"
#include "agent/spool/clock.h"
#include "agent/spool/message_file.h"
#include "proto/batch/event_time.h"
#include "spdlog/spdlog.h"

namespace bulkhead::guard {

namespace {

using std::chrono::seconds;

constexpr seconds kTick{1};
// A record is out of its ring within milliseconds on a host that is not overloaded.
constexpr seconds kRound{2};
// An agent that did not run for this long may have missed what a full ring lost.
constexpr seconds kPause{30};

v1::Event event_of_agent() {
  const spool::Moment now = spool::now();
  v1::Event event;
  batch::set_nanoseconds(now.wall_ns, event.mutable_time());
  event.set_boot_time_ns(now.boot_ns);
  event.set_probe(v1::PROBE_AGENT);
  event.mutable_actor()->set_tenant("host");
  event.mutable_object()->set_kind(v1::OBJECT_KIND_AGENT);
  event.mutable_object()->set_tenant("host");
  event.mutable_object()->set_id("agent");
  return event;
}

v1::Event fault(v1::SensorFaultKind kind, std::string detail, v1::Probe probe = v1::PROBE_UNSPECIFIED) {
  v1::Event event = event_of_agent();
  event.mutable_sensor_fault()->set_kind(kind);
  event.mutable_sensor_fault()->set_detail(std::move(detail));
  event.mutable_sensor_fault()->set_probe(probe);
  return event;
}

std::filesystem::path last_run_file(const Options& options) {
  return options.state_dir / "last_run";
}

std::size_t cpus() {
  return static_cast<std::size_t>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
}

}  // namespace

Guard::Guard(boost::asio::io_context& io, probes::ProbeSet& probes, Options options, Tell tell,
             CoverageChanged coverage_changed)
    : probes_(probes),
      options_(std::move(options)),
      tell_(std::move(tell)),
      coverage_changed_(std::move(coverage_changed)),
      timer_(io),
      run_(options_.run) {
  auto acts = CanaryActs::create(probes_.ownership(), options_.state_dir);
  if (acts.ok()) {
    canary_ = std::make_unique<Canary>(*std::move(acts));
  } else {
    spdlog::error("the agent cannot test its own probes: {}", std::string(acts.status().message()));
  }
}

void Guard::start() {
  v1::LastRun before;
  const auto found = spool::load_message(last_run_file(options_), &before);
  if (!found.ok()) spdlog::warn("what the last run could see is not known: {}", std::string(found.status().message()));
  if (found.ok() && *found) {
    if (!before.stopped()) {
      const bool same_boot = before.boot_id() == run_.boot_id();
      tell_({fault(v1::SENSOR_FAULT_KIND_ENDED_UNANNOUNCED,
                   same_boot ? "the host went on without it" : "the host was started anew since")});
    }
    compare(before);
  }
  keep();
  last_tick_ = last_check_ = Clock::now();
  round_began_ = last_check_ - options_.interval;  // the first one at once
  arm();
}

void Guard::cover(const v1::Coverage& coverage) {
  v1::LastRun before = run_;
  *run_.mutable_coverage() = coverage;
  compare(before);
  keep();
}

void Guard::compare(const v1::LastRun& before) {
  std::vector<v1::Event> events;
  for (v1::CoverageChange& change : guard::compare(before, run_)) {
    v1::Event& event = events.emplace_back(event_of_agent());
    *event.mutable_coverage_change() = std::move(change);
  }
  if (!events.empty()) tell_(std::move(events));
}

void Guard::keep() {
  if (absl::Status status = spool::save_message(last_run_file(options_), run_); !status.ok()) {
    spdlog::error("the next run will not know what this one could see: {}", std::string(status.message()));
  }
}

void Guard::take(const decode::CanaryRecord& record) {
  if (in_round_) canary_->take(record);
}

void Guard::stop(int signal) {
  stopped_ = true;
  timer_.cancel();
  v1::Event event = event_of_agent();
  event.mutable_agent_stop()->set_signal(static_cast<std::uint32_t>(signal));
  tell_({std::move(event)});
  run_.set_stopped(true);
  keep();
}

void Guard::arm() {
  timer_.expires_after(kTick);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error || stopped_) return;
    tick();
    arm();
  });
}

void Guard::tick() {
  const Clock::time_point now = Clock::now();
  notice_pause(now);
  if (now - last_check_ >= options_.interval) {
    last_check_ = now;
    check_probes();
  }
  if (canary_ != nullptr) run_canaries(now);
  last_tick_ = Clock::now();
}

void Guard::notice_pause(Clock::time_point now) {
  const auto gap = now - last_tick_;
  if (gap < kPause) return;
  const auto whole = std::chrono::duration_cast<seconds>(gap).count();
  v1::Event event = fault(v1::SENSOR_FAULT_KIND_PAUSED, absl::StrCat(whole, " s"));
  event.mutable_sensor_fault()->set_duration_ns(
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(gap).count()));
  tell_({std::move(event)});
  // What the canaries of that time showed is no measure.
  in_round_ = false;
}

void Guard::check_probes() {
  std::vector<v1::Event> events;
  for (const v1::ProbeCoverage& row : probes_.find_detached()) {
    events.push_back(fault(v1::SENSOR_FAULT_KIND_HOOK_DETACHED, row.mechanism(), row.probe()));
  }
  const bool detached = !events.empty();
  for (std::string& what : probes_.ownership().restore()) {
    events.push_back(fault(v1::SENSOR_FAULT_KIND_MAP_ALTERED, std::move(what)));
  }
  if (!events.empty()) tell_(std::move(events));
  if (detached) coverage_changed_();
}

void Guard::run_canaries(Clock::time_point now) {
  if (in_round_) {
    if (now - round_began_ < kRound) return;
    in_round_ = false;
    std::vector<v1::Event> events;
    decltype(lost_) lost;
    for (LostCanary& one : canary_->end_round(attached())) {
      lost.emplace(one.probe, one.cpu, one.act);
      if (lost_.contains({one.probe, one.cpu, one.act})) continue;
      events.push_back(fault(v1::SENSOR_FAULT_KIND_CANARY_LOST, absl::StrCat(one.act, " on CPU ", one.cpu), one.probe));
    }
    const std::uint32_t cpu = canary_->last_cpu();
    std::erase_if(lost_, [&](const auto& one) { return std::get<1>(one) == cpu; });
    lost_.merge(lost);
    if (!events.empty()) tell_(std::move(events));
    return;
  }
  if (now - round_began_ < options_.interval / cpus()) return;
  round_began_ = now;
  in_round_ = canary_->begin_round();
}

std::set<v1::Probe> Guard::attached() const {
  std::set<v1::Probe> attached;
  for (const v1::ProbeCoverage& row : probes_.coverage()) {
    if (row.state() == v1::PROBE_STATE_ATTACHED) attached.insert(row.probe());
  }
  return attached;
}

}  // namespace bulkhead::guard
