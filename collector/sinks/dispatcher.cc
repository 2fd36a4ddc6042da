#include "collector/sinks/dispatcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "collector/alerts/signals_blocked.h"
#include "collector/sinks/feeder.h"

namespace bulkhead::sinks {
namespace {

bool open(const v1::Alert& alert) {
  return alert.state() != v1::ALERT_STATE_CLOSED && alert.state() != v1::ALERT_STATE_AUTHORISED;
}

// A clock that was set back makes nothing younger than now.
std::chrono::seconds age(std::int64_t queued_ns) {
  if (queued_ns == 0) return std::chrono::seconds(0);
  const auto since = std::chrono::system_clock::now().time_since_epoch() - std::chrono::nanoseconds(queued_ns);
  return std::max(std::chrono::duration_cast<std::chrono::seconds>(since), std::chrono::seconds(0));
}

// What was refused is one until a person has sent it again or dropped it.
std::string problem_of(const SinkStatistics& sink, const Feeder::Statistics& fed) {
  const std::uint64_t refused = std::min(fed.refused, sink.dead_letters_kept);
  if (refused == 0) return fed.problem;
  return fmt::format("{}{}{} alerts were refused for good, the last: {} (bulkheadctl sinks dead-letters {})",
                     fed.problem, fed.problem.empty() ? "" : "; ", refused, fed.last_refusal, sink.name);
}

}  // namespace

Dispatcher::Dispatcher(store::Outbox& outbox, store::AlertStore& alerts, std::vector<ConfiguredSink> sinks,
                       std::vector<std::string> dropped)
    : outbox_(outbox), alerts_(alerts), dropped_(std::move(dropped)) {
  for (ConfiguredSink& one : sinks) {
    channels_.push_back({std::move(one.filter),
                         std::make_unique<Feeder>(std::move(one.name), std::move(one.sink), outbox_, one.retry)});
  }
  std::ranges::sort(channels_, {}, [](const Channel& one) { return one.feeder->name(); });
}

Dispatcher::~Dispatcher() {
  stop();
}

absl::Status Dispatcher::start() {
  for (const std::string& name : dropped_) {
    if (auto status = outbox_.drop(name); !status.ok()) return status;
  }
  if (auto status = remember_open_alerts(); !status.ok()) return status;
  const alerts::SignalsBlocked blocked;
  for (const Channel& one : channels_) one.feeder->start();
  return absl::OkStatus();
}

absl::Status Dispatcher::remember_open_alerts() {
  const auto wants = [](const Channel& one) { return one.feeder->sink().wants_open_alerts(); };
  if (std::ranges::none_of(channels_, wants)) return absl::OkStatus();
  return alerts_.for_each([&](const v1::Alert& alert) {
    if (!open(alert)) return true;
    for (const Channel& one : channels_) {
      if (wants(one) && one.filter.wants(alert)) one.feeder->sink().remember(alert);
    }
    return true;
  });
}

void Dispatcher::stop() {
  for (const Channel& one : channels_) one.feeder->finish();
  for (const Channel& one : channels_) one.feeder->stop();
}

std::vector<std::string> Dispatcher::recipients(const v1::Alert& alert) const {
  std::vector<std::string> names;
  for (const Channel& one : channels_) {
    if (one.filter.wants(alert)) names.push_back(one.feeder->name());
  }
  return names;
}

void Dispatcher::reopen() {
  for (const Channel& one : channels_) one.feeder->sink().reopen();
}

const Dispatcher::Channel* Dispatcher::channel(const std::string& name) const {
  const auto found = std::ranges::find(channels_, name, [](const Channel& one) { return one.feeder->name(); });
  return found == channels_.end() ? nullptr : &*found;
}

std::vector<SinkStatistics> Dispatcher::statistics() const {
  std::vector<SinkStatistics> all;
  for (const Channel& one : channels_) all.emplace_back().name = one.feeder->name();
  for (const store::QueueState& queue : outbox_.states()) {
    auto known = std::ranges::find(all, queue.sink, &SinkStatistics::name);
    if (known == all.end()) {
      if (queue.waiting == 0 && queue.dead_letters_kept == 0) continue;
      known = all.emplace(all.end());
      known->name = queue.sink;
    }
    known->waiting = queue.waiting;
    known->oldest_waiting = age(queue.oldest_ns);
    known->dead_letters = queue.dead_letters;
    known->dead_letters_kept = queue.dead_letters_kept;
  }
  for (SinkStatistics& one : all) {
    const Channel* configured = channel(one.name);
    if (configured == nullptr) {
      if (one.waiting > 0) one.problem = "not configured any more; name it again, or drop its queue";
      continue;
    }
    const Feeder::Statistics fed = configured->feeder->statistics();
    one.configured = true;
    one.description = configured->feeder->sink().description();
    one.delivered = fed.delivered;
    one.retries = fed.retries;
    one.connected = fed.connected;
    one.problem = problem_of(one, fed);
  }
  return all;
}

std::vector<std::string> Dispatcher::problems() const {
  std::vector<std::string> lines;
  for (const SinkStatistics& one : statistics()) {
    if (one.problem.empty()) continue;
    lines.push_back(fmt::format("alert sink {}: {}; {} alerts wait", one.name, one.problem, one.waiting));
  }
  return lines;
}

}  // namespace bulkhead::sinks
