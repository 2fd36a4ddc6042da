#include "collector/api/list_events.h"

#include <chrono>

#include "absl/time/clock.h"
#include "collector/api/filters.h"
#include "proto/batch/batch.h"

namespace bulkhead::api {

namespace {

constexpr std::size_t kPage = 16;
constexpr std::chrono::milliseconds kFollowWait{200};

struct Start {
  store::Position after;
  // Matching events right after it that are not asked for.
  std::uint64_t skip = 0;
};

absl::StatusOr<std::vector<v1::Event>> matching(const store::StoredBatch& stored, const RecordFilter& filter) {
  std::vector<v1::Event> events;
  if (!filter.takes_host(stored.batch.host_id())) return events;
  auto all = batch::unpack(stored.batch);
  if (!all.ok()) return absl::DataLossError(all.status().message());
  for (auto& event : *all) {
    if (filter.takes(event)) events.push_back(std::move(event));
  }
  return events;
}

// Counts backwards, keeping nothing, until `limit` events match or the log begins.
absl::StatusOr<Start> newest(store::EventLog& log, const RecordFilter& filter, const store::Position& oldest,
                             std::uint64_t limit, const QueryRun<v1::Event>& run) {
  std::uint64_t found = 0;
  store::Position before;
  while (!run.is_over()) {
    const auto page = log.read_before(before, kPage);
    if (!page.ok()) return page.status();
    for (const auto& stored : *page) {
      // The batches before this one are the page that the next look would bring.
      if (found >= limit || stored.position <= oldest) return Start{stored.position, found - std::min(found, limit)};
      const auto events = matching(stored, filter);
      if (!events.ok()) return events.status();
      found += events->size();
      before = stored.position;
    }
    if (page->empty()) break;
  }
  return Start{oldest, found - std::min(found, limit)};
}

}  // namespace

absl::Status list_events(const v1::ListEventsRequest& request, store::EventLog& log,
                         const directory::Directory& directory, QueryRun<v1::Event>& run) {
  const auto filter = RecordFilter::make(request.filter(), directory);
  if (!filter.ok()) return filter.status();
  auto oldest = log.before_time(filter->since_ns());
  if (!oldest.ok()) return oldest.status();
  Start at{*std::move(oldest), 0};
  if (request.limit() != 0) {
    auto start = newest(log, *filter, at.after, request.limit(), run);
    if (!start.ok()) return start.status();
    at = *std::move(start);
  }
  while (!run.is_over()) {
    const auto page = log.read(at.after, kPage);
    if (!page.ok()) return page.status();
    if (page->empty()) {
      if (!request.follow() || filter->is_over(absl::GetCurrentTimeNanos())) break;
      log.wait(at.after, kFollowWait);
    }
    for (const auto& stored : *page) {
      const auto events = matching(stored, *filter);
      if (!events.ok()) return events.status();
      for (const auto& event : *events) {
        if (at.skip > 0) {
          --at.skip;
        } else if (!run.send(event)) {
          return absl::OkStatus();
        }
      }
      at.after = stored.position;
    }
  }
  return absl::OkStatus();
}

}  // namespace bulkhead::api
