#include "collector/store/rocksdb_event_log.h"

#include <rocksdb/write_batch.h>

#include <algorithm>
#include <limits>
#include <map>

#include "absl/strings/str_cat.h"
#include "proto/batch/batch.h"

namespace bulkhead::store {

namespace {

constexpr std::string_view kStateKey = "log";
// One write holds at most this much: it bounds memory and the time that the first of a group waits for the others.
constexpr std::size_t kGroupBytes = 16u << 20;
constexpr std::uint64_t kMaxSequence = std::numeric_limits<std::int64_t>::max();

absl::Status check(const v1::EventBatch& batch) {
  if (batch.host_id().empty() || batch.boot_id().empty()) {
    return absl::InvalidArgumentError("batch without host id or boot id");
  }
  if (batch.events().empty()) return absl::InvalidArgumentError("batch without events");
  if (batch.first_sequence() == 0 || batch.first_sequence() > kMaxSequence) {
    return absl::InvalidArgumentError(absl::StrCat("batch begins at sequence ", batch.first_sequence()));
  }
  return absl::OkStatus();
}

// Saturates: a time beyond 2262 is not one, and only makes searches by time begin earlier.
std::uint64_t newest_ns(const v1::EventBatch& batch) {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  std::int64_t time = static_cast<std::int64_t>(std::min<std::uint64_t>(batch.base_time_ns(), kMax));
  std::int64_t newest = 0;
  for (const auto& event : batch.events()) {
    if (__builtin_add_overflow(time, event.time_delta_ns(), &time)) return kMax;
    newest = std::max(newest, time);
  }
  return static_cast<std::uint64_t>(newest);
}

}  // namespace

struct RocksDbEventLog::Draft {
  rocksdb::WriteBatch writes;
  std::map<std::string, Cursor> cursors;
  LogState state;
};

absl::StatusOr<std::unique_ptr<RocksDbEventLog>> RocksDbEventLog::open(Database& database) {
  auto stored = database.get(database.meta(), kStateKey);
  if (!stored.ok()) return stored.status();
  LogState state;
  if (stored->has_value()) {
    const auto decoded = decode_log_state(**stored);
    if (!decoded || decoded->next_index == 0) {
      return absl::DataLossError(absl::StrCat("store ", database.path().string(), " has unreadable totals of its log"));
    }
    state = *decoded;
  }
  return std::unique_ptr<RocksDbEventLog>(new RocksDbEventLog(database, state));
}

absl::StatusOr<std::vector<AppendResult>> RocksDbEventLog::append(std::span<const v1::EventBatch> batches) {
  Request request;
  for (const auto& batch : batches) {
    if (auto status = check(batch); !status.ok()) return status;
    request.entries.push_back({.batch = &batch});
  }
  if (request.entries.empty()) return std::vector<AppendResult>();
  if (auto status = run(request); !status.ok()) return status;
  return std::move(request.results);
}

absl::StatusOr<AppendResult> RocksDbEventLog::append_missing(const v1::EventBatch& statement, std::uint64_t last) {
  if (auto status = check(statement); !status.ok()) return status;
  if (statement.events_size() != 1 || !statement.events(0).has_loss()) {
    return absl::InvalidArgumentError("a statement of missing events must be one loss event");
  }
  if (last < statement.first_sequence() || last > kMaxSequence) {
    return absl::InvalidArgumentError(
        absl::StrCat("missing events from ", statement.first_sequence(), " through ", last, " make no range"));
  }
  Request request;
  request.entries.push_back({.batch = &statement, .missing_through = last});
  if (auto status = run(request); !status.ok()) return status;
  return request.results.front();
}

absl::Status RocksDbEventLog::run(Request& request) {
  std::unique_lock lock(queue_mutex_);
  queue_.push_back(&request);
  request.ready.wait(lock, [&] { return request.done || queue_.front() == &request; });
  if (request.done) return request.status;

  const auto group = take_group();
  lock.unlock();
  const auto status = commit(group);
  lock.lock();
  for (auto* member : group) {
    queue_.pop_front();
    member->status = status;
    member->done = true;
    if (member != &request) member->ready.notify_one();
  }
  if (!queue_.empty()) queue_.front()->ready.notify_one();
  return status;
}

// The group stays in the queue while it is written, so that its leader stays at the front.
std::vector<RocksDbEventLog::Request*> RocksDbEventLog::take_group() {
  std::vector<Request*> group;
  std::size_t bytes = 0;
  for (auto* request : queue_) {
    for (const auto& entry : request->entries) bytes += entry.batch->ByteSizeLong();
    if (!group.empty() && bytes > kGroupBytes) break;
    group.push_back(request);
  }
  return group;
}

absl::Status RocksDbEventLog::commit(const std::vector<Request*>& group) {
  const std::lock_guard writing(write_mutex_);
  Draft draft;
  draft.state = state_;
  for (auto* request : group) {
    for (const auto& entry : request->entries) {
      if (auto status = plan(entry, draft, request->results.emplace_back()); !status.ok()) return status;
    }
  }
  if (draft.state.next_index == state_.next_index) return absl::OkStatus();

  for (const auto& [key, cursor] : draft.cursors) draft.writes.Put(database_.cursors(), key, encode_cursor(cursor));
  draft.writes.Put(database_.meta(), slice(kStateKey), encode_log_state(draft.state));
  if (auto status = database_.write(draft.writes, true); !status.ok()) return status;

  const std::lock_guard lock(state_mutex_);
  state_ = draft.state;
  end_index_ = state_.next_index - 1;
  grown_.notify_all();
  return absl::OkStatus();
}

absl::StatusOr<Cursor*> RocksDbEventLog::cursor_of(const v1::EventBatch& batch, Draft& draft) {
  const std::string key = boot_key(batch.host_id(), batch.boot_id());
  if (const auto known = draft.cursors.find(key); known != draft.cursors.end()) return &known->second;
  auto stored = database_.get(database_.cursors(), key);
  if (!stored.ok()) return stored.status();
  Cursor cursor;
  if (stored->has_value()) {
    const auto decoded = decode_cursor(**stored);
    if (!decoded) return absl::DataLossError(absl::StrCat("unreadable cursor of host ", batch.host_id()));
    cursor = *decoded;
  }
  return &draft.cursors.emplace(key, cursor).first->second;
}

absl::Status RocksDbEventLog::plan(const Entry& entry, Draft& draft, AppendResult& result) {
  const v1::EventBatch& batch = *entry.batch;
  auto cursor_or = cursor_of(batch, draft);
  if (!cursor_or.ok()) return cursor_or.status();
  Cursor& cursor = **cursor_or;
  const std::uint64_t next = cursor.next_sequence;
  const bool missing = entry.missing_through != 0;
  const std::uint64_t last =
      missing ? entry.missing_through : batch.first_sequence() + static_cast<std::uint64_t>(batch.events_size()) - 1;
  result = {.next_sequence = next, .gap = batch.first_sequence() > next, .stored = false};
  if (result.gap || last < next) return absl::OkStatus();

  v1::EventBatch rest;
  if (batch.first_sequence() < next) {
    if (missing) {
      rest = batch;
      rest.set_first_sequence(next);
      rest.mutable_events(0)->mutable_loss()->set_count(last - next + 1);
    } else {
      rest = bulkhead::batch::slice_from(batch, next);
    }
  }
  const v1::EventBatch& stored = batch.first_sequence() < next ? rest : batch;
  draft.state.newest_ns = std::max(draft.state.newest_ns, newest_ns(stored));
  const std::string record = encode_record(static_cast<std::uint64_t>(stored.events_size()), draft.state.newest_ns,
                                           stored.SerializeAsString());
  draft.writes.Put(database_.events(), encode_u64(draft.state.next_index), record);
  ++draft.state.next_index;
  ++draft.state.batches;
  draft.state.events += static_cast<std::uint64_t>(stored.events_size());
  draft.state.bytes += record.size();
  cursor.next_sequence = last + 1;
  if (missing) {
    cursor.missing += last - next + 1;
  } else {
    for (const auto& event : stored.events()) ++cursor.stored[static_cast<std::uint32_t>(event.probe())];
  }
  result.next_sequence = cursor.next_sequence;
  result.stored = true;
  return absl::OkStatus();
}

LogStatistics RocksDbEventLog::statistics() {
  const std::lock_guard lock(state_mutex_);
  return {.events = state_.events, .batches = state_.batches, .bytes = state_.bytes};
}

absl::StatusOr<BootLedger> RocksDbEventLog::boot(std::string_view host_id, std::string_view boot_id) {
  auto stored = database_.get(database_.cursors(), boot_key(host_id, boot_id));
  if (!stored.ok()) return stored.status();
  BootLedger ledger;
  if (!stored->has_value()) return ledger;
  const auto cursor = decode_cursor(**stored);
  if (!cursor) return absl::DataLossError(absl::StrCat("unreadable cursor of host ", std::string(host_id)));
  ledger.next_sequence = cursor->next_sequence;
  ledger.missing = cursor->missing;
  for (const auto& [probe, count] : cursor->stored) {
    auto& entry = ledger.stored.emplace_back();
    entry.set_probe(static_cast<v1::Probe>(probe));
    entry.set_count(count);
  }
  return ledger;
}

absl::StatusOr<std::uint64_t> RocksDbEventLog::missing(std::string_view host_id) {
  const std::string prefix = host_prefix(host_id);
  const std::unique_ptr<rocksdb::Iterator> at(database_.db().NewIterator(rocksdb::ReadOptions(), database_.cursors()));
  std::uint64_t total = 0;
  for (at->Seek(prefix); at->Valid() && at->key().starts_with(prefix); at->Next()) {
    const auto cursor = decode_cursor(view(at->value()));
    if (!cursor) return absl::DataLossError(absl::StrCat("unreadable cursor of host ", std::string(host_id)));
    total += cursor->missing;
  }
  if (!at->status().ok()) return database_.error(at->status(), "read");
  return total;
}

}  // namespace bulkhead::store
