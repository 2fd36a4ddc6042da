#include "collector/store/rocksdb_outbox.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "collector/store/encoding.h"

namespace bulkhead::store {

namespace {

// Entries that one write moves to the dead letters at most.
constexpr std::size_t kEvictionsPerWrite = 256;
// A Close never takes the place of a Create: who was not told that there is an alert would never know of it.
bool replaces(Activity newer, Activity waiting) {
  return !(waiting == Activity::kCreate && newer == Activity::kClose);
}

}  // namespace

absl::StatusOr<std::unique_ptr<RocksDbOutbox>> RocksDbOutbox::open(Database& database, OutboxLimits limits) {
  std::unique_ptr<RocksDbOutbox> outbox(new RocksDbOutbox(database, limits));
  const std::unique_ptr<rocksdb::Iterator> at(database.db().NewIterator(rocksdb::ReadOptions(), database.sinks()));
  for (at->SeekToFirst(); at->Valid(); at->Next()) {
    const auto totals = decode_totals(view(at->value()));
    if (!totals) return outbox->unreadable("the totals of a sink");
    outbox->queues_[at->key().ToString()].totals = *totals;
  }
  if (!at->status().ok()) return database.error(at->status(), "read");
  return outbox;
}

absl::Status RocksDbOutbox::unreadable(const std::string& what) const {
  return absl::DataLossError(absl::StrCat(what, " in ", database_.path().string(), " cannot be read"));
}

absl::Status RocksDbOutbox::Draft::add(const Notice& notice, rocksdb::WriteBatch& batch) {
  if (notice.sinks.empty()) return absl::OkStatus();
  const std::string alert = notice.alert.SerializeAsString();
  for (const std::string& sink : notice.sinks) {
    if (auto status = put(sink, notice, alert, batch); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status RocksDbOutbox::Draft::put(const std::string& sink, const Notice& notice, std::string_view alert,
                                       rocksdb::WriteBatch& batch) {
  const Queue& queue = outbox_.queues_[sink];
  QueueTotals& totals = totals_.try_emplace(sink, queue.totals).first->second;
  const auto waiting = find(sink, notice.alert.uid());
  if (!waiting.ok()) return waiting.status();
  WaitingAlert placed{.sequence = 0, .activity = notice.activity, .bytes = alert.size(), .queued_ns = now_ns()};
  const auto& older = *waiting;
  if (older && older->sequence > queue.taken_through && replaces(notice.activity, older->activity)) {
    placed.sequence = older->sequence;
    placed.queued_ns = older->queued_ns;
    // Who has not heard of it hears of it as new.
    if (older->activity == Activity::kCreate) placed.activity = Activity::kCreate;
    totals.waiting_bytes -= std::min(totals.waiting_bytes, older->bytes);
  } else {
    placed.sequence = totals.next_sequence++;
    ++totals.waiting;
  }
  totals.waiting_bytes += placed.bytes;
  batch.Put(outbox_.database_.outbox(), entry_key(sink, placed.sequence),
            encode_entry(placed.activity, placed.queued_ns, alert));
  batch.Put(outbox_.database_.outbox_uids(), sink_prefix(sink) + notice.alert.uid(), encode_waiting(placed));
  waiting_[{sink, notice.alert.uid()}] = placed;
  return absl::OkStatus();
}

absl::StatusOr<std::optional<WaitingAlert>> RocksDbOutbox::Draft::find(const std::string& sink,
                                                                       const std::string& uid) {
  if (const auto placed = waiting_.find({sink, uid}); placed != waiting_.end()) return placed->second;
  const auto stored = outbox_.database_.get(outbox_.database_.outbox_uids(), sink_prefix(sink) + uid);
  if (!stored.ok()) return stored.status();
  if (!stored->has_value()) return std::nullopt;
  const auto waiting = decode_waiting(**stored);
  if (!waiting) return outbox_.unreadable("where an alert waits");
  return waiting;
}

void RocksDbOutbox::Draft::put_totals(rocksdb::WriteBatch& batch) const {
  for (const auto& [sink, totals] : totals_) batch.Put(outbox_.database_.sinks(), sink, encode_totals(totals));
}

void RocksDbOutbox::Draft::written() {
  for (const auto& [sink, totals] : totals_) {
    Queue& queue = outbox_.queues_[sink];
    queue.totals = totals;
    // What it cannot move now is moved after the next commit.
    outbox_.enforce_limits(sink, queue).IgnoreError();
  }
  if (!totals_.empty()) outbox_.grown_.notify_all();
}

bool RocksDbOutbox::exceeds(const QueueTotals& totals) const {
  return totals.waiting > limits_.waiting || totals.waiting_bytes > limits_.waiting_bytes;
}

absl::Status RocksDbOutbox::enforce_limits(const std::string& sink, Queue& queue) {
  while (exceeds(queue.totals)) {
    rocksdb::WriteBatch batch;
    QueueTotals totals = queue.totals;
    const std::string prefix = sink_prefix(sink);
    const std::unique_ptr<rocksdb::Iterator> at(database_.db().NewIterator(rocksdb::ReadOptions(), database_.outbox()));
    std::size_t moved = 0;
    // Those that are given out may be under way to the peer at this moment.
    for (at->Seek(entry_key(sink, std::max(queue.head, queue.taken_through + 1)));
         at->Valid() && at->key().starts_with(prefix) && exceeds(totals) && moved < kEvictionsPerWrite; at->Next()) {
      const auto entry = decode_entry(view(at->value()));
      v1::Alert alert;
      if (!entry || !alert.ParseFromArray(entry->alert.data(), static_cast<int>(entry->alert.size()))) {
        return unreadable("an alert that waits");
      }
      add_dead_letter(sink, "the queue was full", entry->activity, entry->alert, totals, batch);
      if (auto status = remove(sink, sequence_of(view(at->key())), alert.uid(), entry->alert.size(), totals, batch);
          !status.ok()) {
        return status;
      }
      ++moved;
    }
    if (moved == 0) return absl::OkStatus();
    const std::uint64_t first_letter = evict_letters(sink, queue, totals, batch);
    batch.Put(database_.sinks(), sink, encode_totals(totals));
    if (auto status = database_.write(batch, false); !status.ok()) return status;
    queue.totals = totals;
    queue.first_letter = first_letter;
  }
  return absl::OkStatus();
}

void RocksDbOutbox::add_dead_letter(const std::string& sink, std::string_view reason, Activity activity,
                                    std::string_view alert, QueueTotals& totals, rocksdb::WriteBatch& batch) const {
  ++totals.dead_letters;
  ++totals.dead_letters_kept;
  batch.Put(database_.dead_letters(), entry_key(sink, totals.dead_letters),
            encode_dead_letter(now_ns(), reason, activity, alert));
}

absl::Status RocksDbOutbox::remove(const std::string& sink, std::uint64_t sequence, const std::string& uid,
                                   std::uint64_t bytes, QueueTotals& totals, rocksdb::WriteBatch& batch) {
  const std::string uid_key = sink_prefix(sink) + uid;
  const auto stored = database_.get(database_.outbox_uids(), uid_key);
  if (!stored.ok()) return stored.status();
  if (stored->has_value()) {
    const auto waiting = decode_waiting(**stored);
    if (!waiting) return unreadable("where an alert waits");
    // A newer entry of the alert may wait behind this one.
    if (waiting->sequence == sequence) batch.Delete(database_.outbox_uids(), uid_key);
  }
  batch.Delete(database_.outbox(), entry_key(sink, sequence));
  totals.waiting -= std::min<std::uint64_t>(totals.waiting, 1);
  totals.waiting_bytes -= std::min(totals.waiting_bytes, bytes);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<OutboxEntry>> RocksDbOutbox::take(const std::string& sink, std::size_t max) {
  const std::lock_guard lock(mutex_);
  std::vector<OutboxEntry> entries;
  const auto queue = queues_.find(sink);
  if (queue == queues_.end() || queue->second.totals.waiting == 0) return entries;
  const std::string prefix = sink_prefix(sink);
  const std::unique_ptr<rocksdb::Iterator> at(database_.db().NewIterator(rocksdb::ReadOptions(), database_.outbox()));
  std::size_t bytes = 0;
  for (at->Seek(entry_key(sink, queue->second.head));
       entries.size() < max && bytes < kTakeBytes && at->Valid() && at->key().starts_with(prefix); at->Next()) {
    bytes += at->value().size();
    const auto entry = decode_entry(view(at->value()));
    OutboxEntry& taken = entries.emplace_back();
    taken.sequence = sequence_of(view(at->key()));
    if (!entry || !taken.alert.ParseFromArray(entry->alert.data(), static_cast<int>(entry->alert.size()))) {
      return unreadable("an alert that waits");
    }
    taken.activity = entry->activity;
  }
  if (!at->status().ok()) return database_.error(at->status(), "read");
  if (entries.empty()) return entries;
  queue->second.head = entries.front().sequence;
  queue->second.taken_through = std::max(queue->second.taken_through, entries.back().sequence);
  return entries;
}

absl::Status RocksDbOutbox::confirm(const std::string& sink, std::span<const OutboxEntry> delivered) {
  if (delivered.empty()) return absl::OkStatus();
  const std::lock_guard lock(mutex_);
  Queue& queue = queues_[sink];
  QueueTotals totals = queue.totals;
  rocksdb::WriteBatch batch;
  for (const OutboxEntry& entry : delivered) {
    const auto status = remove(sink, entry.sequence, entry.alert.uid(), entry.alert.ByteSizeLong(), totals, batch);
    if (!status.ok()) return status;
  }
  batch.Put(database_.sinks(), sink, encode_totals(totals));
  if (auto status = database_.write(batch, false); !status.ok()) return status;
  queue.totals = totals;
  return absl::OkStatus();
}

absl::Status RocksDbOutbox::bury(const std::string& sink, const OutboxEntry& entry, std::string_view reason) {
  const std::lock_guard lock(mutex_);
  Queue& queue = queues_[sink];
  QueueTotals totals = queue.totals;
  rocksdb::WriteBatch batch;
  add_dead_letter(sink, reason, entry.activity, entry.alert.SerializeAsString(), totals, batch);
  const auto removed = remove(sink, entry.sequence, entry.alert.uid(), entry.alert.ByteSizeLong(), totals, batch);
  if (!removed.ok()) return removed;
  const std::uint64_t first_letter = evict_letters(sink, queue, totals, batch);
  batch.Put(database_.sinks(), sink, encode_totals(totals));
  if (auto status = database_.write(batch, true); !status.ok()) return status;
  queue.totals = totals;
  queue.first_letter = first_letter;
  return absl::OkStatus();
}

absl::Status RocksDbOutbox::drop(const std::string& sink) {
  const std::lock_guard lock(mutex_);
  const auto queue = queues_.find(sink);
  if (queue == queues_.end()) return absl::OkStatus();
  const std::string begin = sink_prefix(sink);
  const std::string end = prefix_end(begin);
  // The sequence goes on: an entry of before must never be taken for one of after.
  const QueueTotals totals{.next_sequence = queue->second.totals.next_sequence};
  rocksdb::WriteBatch batch;
  for (auto* family : {database_.outbox(), database_.outbox_uids(), database_.dead_letters()}) {
    batch.DeleteRange(family, begin, end);
  }
  batch.Put(database_.sinks(), sink, encode_totals(totals));
  if (auto status = database_.write(batch, true); !status.ok()) return status;
  queue->second = {.totals = totals};
  return absl::OkStatus();
}

bool RocksDbOutbox::wait(const std::string& sink, const std::stop_token& stop, std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  return grown_.wait_for(lock, stop, timeout, [&] {
    const auto queue = queues_.find(sink);
    return queue != queues_.end() && queue->second.totals.waiting > 0;
  });
}

std::vector<QueueState> RocksDbOutbox::states() {
  const std::lock_guard lock(mutex_);
  std::vector<QueueState> states;
  const std::unique_ptr<rocksdb::Iterator> at(database_.db().NewIterator(rocksdb::ReadOptions(), database_.outbox()));
  for (const auto& [sink, queue] : queues_) {
    QueueState& state = states.emplace_back(QueueState{.sink = sink,
                                                       .waiting = queue.totals.waiting,
                                                       .waiting_bytes = queue.totals.waiting_bytes,
                                                       .dead_letters = queue.totals.dead_letters,
                                                       .dead_letters_kept = queue.totals.dead_letters_kept});
    if (queue.totals.waiting == 0) continue;
    at->Seek(entry_key(sink, queue.head));
    if (!at->Valid() || !at->key().starts_with(sink_prefix(sink))) continue;
    if (const auto entry = decode_entry(view(at->value()))) state.oldest_ns = entry->queued_ns;
  }
  return states;
}

}  // namespace bulkhead::store
