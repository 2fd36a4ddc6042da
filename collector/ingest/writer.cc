#include "collector/ingest/writer.h"

#include <spdlog/spdlog.h>

#include <chrono>

namespace bulkhead::ingest {

namespace {
constexpr std::size_t kGroupBatches = 1024;
constexpr std::size_t kGroupBytes = 16u << 20;
constexpr std::chrono::seconds kTick{1};
}  // namespace

Writer::Writer(store::EventLog& log, store::SequenceLedger& ledger, Counters& counters, std::size_t queue_bytes,
               std::function<void()> tick)
    : log_(log),
      ledger_(ledger),
      counters_(counters),
      queue_bytes_(queue_bytes),
      tick_(std::move(tick)),
      thread_([this] { run(); }) {}

Writer::~Writer() {
  stop();
}

void Writer::submit(Work work) {
  waiting_bytes_ += work.bytes;
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      queue_.push_back(std::move(work));
      changed_.notify_one();
      return;
    }
  }
  finish(work, absl::UnavailableError("the collector is stopping"));
}

void Writer::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void Writer::run() {
  auto next_tick = std::chrono::steady_clock::now() + kTick;
  for (;;) {
    std::vector<Work> group;
    {
      std::unique_lock lock(mutex_);
      changed_.wait_until(lock, next_tick, [&] { return stopping_ || !queue_.empty(); });
      if (stopping_ && queue_.empty()) return;
      std::size_t bytes = 0;
      while (!queue_.empty() && group.size() < kGroupBatches && bytes < kGroupBytes) {
        bytes += queue_.front().bytes;
        group.push_back(std::move(queue_.front()));
        queue_.pop_front();
      }
    }
    if (!group.empty()) store_group(std::move(group));
    if (const auto now = std::chrono::steady_clock::now(); now >= next_tick) {
      tick_();
      next_tick = now + kTick;
    }
  }
}

// Batches next to each other share one sync; a statement of missing events is written by itself, in its place.
void Writer::store_group(std::vector<Work> group) {
  std::size_t begin = 0;
  while (begin < group.size()) {
    std::size_t end = begin;
    while (end < group.size() && group[end].missing_through == 0) ++end;
    if (end > begin) store_batches(std::span(group).subspan(begin, end - begin));
    if (end < group.size()) store_missing(group[end++]);
    begin = end;
  }
}

void Writer::store_batches(std::span<Work> works) {
  std::vector<v1::EventBatch> batches;
  batches.reserve(works.size());
  for (auto& work : works) batches.push_back(std::move(work.batch));
  const auto results = log_.append(batches);
  note(results.status());
  for (std::size_t i = 0; i < works.size(); ++i) {
    if (!results.ok()) {
      finish(works[i], results.status());
      continue;
    }
    const auto& result = (*results)[i];
    if (result.gap) ++counters_.batches_beyond;
    if (!result.stored && !result.gap) ++counters_.batches_duplicate;
    finish(works[i], result);
  }
}

void Writer::store_missing(Work& work) {
  const auto result = ledger_.append_missing(work.batch, work.missing_through);
  note(result.status());
  if (result.ok() && result->stored) ++counters_.gaps_stated;
  finish(work, result);
}

void Writer::finish(Work& work, const absl::StatusOr<store::AppendResult>& result) {
  waiting_bytes_ -= work.bytes;
  work.done(result);
}

void Writer::note(const absl::Status& status) {
  ++(status.ok() ? counters_.commits : counters_.commit_failures);
  const std::lock_guard lock(mutex_);
  const std::string problem = status.ok() ? std::string() : std::string(status.message());
  if (problem != problem_) {
    if (status.ok()) {
      spdlog::info("events are stored again");
    } else {
      spdlog::error("events cannot be stored, nothing is acknowledged: {}", problem);
    }
  }
  problem_ = problem;
}

std::string Writer::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

}  // namespace bulkhead::ingest
