// The grants: who authorised whom to do what, and every step in their lives.
//
// Each step is an event of the log first, durable before it counts; the table beside the log only spares reading it
// again. Grants are never removed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bulkhead/v1/control.pb.h"
#include "bulkhead/v1/event.pb.h"
#include "collector/alerts/authorisation.h"
#include "collector/alerts/grouper.h"
#include "collector/grants/grant_check.h"
#include "collector/store/alert_store.h"
#include "collector/store/event_log.h"
#include "collector/store/own_events.h"
#include "collector/store/table.h"

namespace bulkhead::grants {

// All of it outlives the book.
struct BookSources {
  store::Table& table;
  store::OwnEvents& own_events;
  store::EventLog& log;
  store::AlertStore& alerts;
};

// Thread safe.
class GrantBook {
 public:
  // Takes up what the log has and the table lost, and counts from the stored alerts how often each grant was used.
  // kDataLoss for what cannot be read.
  static absl::StatusOr<std::unique_ptr<GrantBook>> open(BookSources sources);

  // Ids, times and approvals are made here. Errors: those of check(), and of the log.
  absl::StatusOr<v1::Grant> create(v1::Grant grant, const Terms& terms, absl::Time now);
  // kFailedPrecondition: by the one who made it, twice by one person, not needed, or the grant is over.
  absl::StatusOr<v1::Grant> approve(const std::string& id, const std::string& by, absl::Time now);
  absl::StatusOr<v1::Grant> revoke(const std::string& id, const std::string& by, const std::string& why,
                                   absl::Time now);

  // In the order in which they were made; those that are over with `all` or when one is named.
  std::vector<v1::GrantSummary> list(const v1::ListGrantsRequest& request, absl::Time now) const;

  // By the event's own time. The grant that covers it; or, where just one thing stands against one, that grant and what
  // it is; the newest of several.
  alerts::Authorisation judge(const v1::Event& event) const;

  // Counts how often grants were used: for DetectionStage's `committed`.
  void note(const std::vector<alerts::Change>& changes);

  // Puts on record the grants whose time is over since `grace` before now, so that accesses of their last moment are
  // counted already. To be called every few seconds while detection is at the log's end.
  absl::Status record_expiries(absl::Time now, absl::Duration grace);

  std::uint32_t active(absl::Time now) const;

 private:
  struct Entry {
    v1::GrantSummary summary;
    bool expiry_recorded = false;
    // By uid of the record of authorised accesses: how many it stands for.
    std::map<std::string, std::uint64_t> uses;
  };

  explicit GrantBook(BookSources sources) : sources_(sources) {}

  absl::Status load_table();
  absl::Status load_log_tail();
  absl::Status load_uses();
  // With mutex_ held. Writes the event, then the entry.
  absl::Status record(v1::GrantChange change, absl::Time now);
  void apply(const v1::GrantChange& change, std::uint64_t sequence);
  // What the table does not take now it is given with the next change, or gets from the log at the next start.
  void store();
  absl::StatusOr<Entry*> find(const std::string& id);

  const BookSources sources_;
  mutable std::mutex mutex_;
  // Guarded by mutex_. `order_` has the ids as they were made; `by_tenant_` indexes into it.
  std::map<std::string, Entry> entries_;
  std::vector<std::string> order_;
  std::map<std::string, std::vector<std::string>, std::less<>> by_tenant_;
  // The last of the collector's own events that is taken up, and the grants that the table does not have as they are.
  std::uint64_t applied_sequence_ = 0;
  std::set<std::string> unstored_;
};

}  // namespace bulkhead::grants
