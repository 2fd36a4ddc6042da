#include "collector/sinks/feeder.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "collector/sinks/pause.h"

namespace bulkhead::sinks {
namespace {

constexpr std::chrono::milliseconds kIdleWait{100};
constexpr std::chrono::milliseconds kFinish{500};

}  // namespace

Feeder::Feeder(std::string name, std::unique_ptr<Sink> sink, store::Outbox& outbox, Retry retry)
    : name_(std::move(name)), sink_(std::move(sink)), outbox_(outbox), backoff_(retry) {}

Feeder::~Feeder() {
  stop();
}

void Feeder::start() {
  stop();
  {
    const std::scoped_lock lock(mutex_);
    finishing_ = ended_ = false;
    statistics_ = {};
  }
  thread_ = std::jthread([this](const std::stop_token& stop) {
    run(stop);
    const std::scoped_lock lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  });
}

void Feeder::finish() {
  const std::scoped_lock lock(mutex_);
  if (finishing_) return;
  finishing_ = true;
  finish_by_ = std::chrono::steady_clock::now() + kFinish;
  changed_.notify_all();
}

void Feeder::stop() {
  if (!thread_.joinable()) return;
  finish();
  {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, finish_by_, [this] { return ended_; });
  }
  thread_.request_stop();
  thread_.join();
}

bool Feeder::finishing() const {
  const std::scoped_lock lock(mutex_);
  return finishing_;
}

void Feeder::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const bool waits = outbox_.wait(name_, stop, kIdleWait);
    if (!waits && finishing()) return;
    const bool good = (!waits || feed(stop)) && keep_up(stop);
    if (good) {
      worked(waits);
      continue;
    }
    pause(stop);
    // A sink that fails is not waited for: it had its chance, and the queue is on disk.
    if (finishing()) return;
  }
}

void Feeder::pause(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, stop, std::max(backoff_.next(), asked_pause_), [this] { return finishing_; });
}

bool Feeder::feed(const std::stop_token& stop) {
  const auto entries = outbox_.take(name_, std::max<std::size_t>(sink_->batch_size(), 1));
  if (!entries.ok()) {
    failed(entries.status(), stop);
    return false;
  }
  if (entries->empty()) return true;
  std::vector<Delivery> deliveries;
  deliveries.reserve(entries->size());
  for (const store::OutboxEntry& entry : *entries) {
    deliveries.push_back({&entry.alert, entry.activity, delivery_id(entry.alert, entry.activity)});
  }
  const std::vector<absl::Status> results = sink_->deliver(deliveries, stop);
  if (!settle(*entries, results)) return false;
  for (const absl::Status& result : results) {
    if (result.ok() || absl::IsInvalidArgument(result)) continue;
    failed(result, stop);
    return false;
  }
  return true;
}

// What the store does not take now is delivered again, with the same id.
bool Feeder::settle(const std::vector<store::OutboxEntry>& entries, const std::vector<absl::Status>& results) {
  std::vector<store::OutboxEntry> delivered;
  std::uint64_t refused = 0;
  absl::Status status;
  for (std::size_t i = 0; i < entries.size() && i < results.size(); ++i) {
    if (results[i].ok()) delivered.push_back(entries[i]);
    if (!absl::IsInvalidArgument(results[i])) continue;
    status.Update(outbox_.bury(name_, entries[i], std::string(results[i].message())));
    if (status.ok()) ++refused;
    const std::scoped_lock lock(mutex_);
    statistics_.last_refusal = std::string(results[i].message());
  }
  const absl::Status confirmed = outbox_.confirm(name_, delivered);
  status.Update(confirmed);
  {
    const std::scoped_lock lock(mutex_);
    statistics_.refused += refused;
    if (confirmed.ok()) statistics_.delivered += delivered.size();
  }
  if (status.ok()) return true;
  failed(status, {});
  return false;
}

bool Feeder::keep_up(const std::stop_token& stop) {
  const absl::Status status = sink_->keep_up(stop);
  if (!status.ok()) {
    failed(status, stop);
    return false;
  }
  return true;
}

void Feeder::worked(bool delivered) {
  backoff_.reset();
  const std::scoped_lock lock(mutex_);
  // What failed before and does so no more was told to the peer, too.
  if (delivered || !statistics_.problem.empty()) statistics_.connected = true;
  statistics_.problem.clear();
}

void Feeder::failed(const absl::Status& status, const std::stop_token& stop) {
  // What was cut short by the stop says nothing about the peer.
  if (stop.stop_requested()) return;
  const std::scoped_lock lock(mutex_);
  ++statistics_.retries;
  statistics_.connected = false;
  statistics_.problem = std::string(status.message());
  asked_pause_ = asked_pause(status);
  if (asked_pause_.count() == 0) return;
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(asked_pause_).count();
  statistics_.problem += fmt::format("; tried again in {} s, as it asks", seconds);
}

Feeder::Statistics Feeder::statistics() const {
  const std::scoped_lock lock(mutex_);
  return statistics_;
}

}  // namespace bulkhead::sinks
