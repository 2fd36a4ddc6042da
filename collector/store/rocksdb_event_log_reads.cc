// The reading half of RocksDbEventLog, and trim.
#include <rocksdb/convenience.h>
#include <rocksdb/write_batch.h>

#include "absl/strings/str_cat.h"
#include "collector/store/rocksdb_event_log.h"

namespace bulkhead::store {

namespace {
constexpr std::string_view kStateKey = "log";
}  // namespace

absl::StatusOr<std::uint64_t> RocksDbEventLog::index_of(const Position& position) const {
  if (position.bytes().empty()) return 0;
  std::string_view bytes = position.bytes();
  const auto index = take_u64(bytes);
  if (!index || !bytes.empty()) return absl::InvalidArgumentError("this position is not one of this log");
  return *index;
}

absl::StatusOr<StoredBatch> RocksDbEventLog::parse(std::string_view key, std::string_view value) const {
  std::string_view rest = key;
  const auto index = take_u64(rest);
  const auto record = decode_record(value);
  StoredBatch stored{.position = Position(std::string(key)), .batch = {}};
  if (!index || !rest.empty() || !record ||
      !stored.batch.ParseFromArray(record->batch.data(), static_cast<int>(record->batch.size()))) {
    return absl::DataLossError(
        absl::StrCat("record ", index.value_or(0), " of the log in ", database_.path().string(), " cannot be read"));
  }
  return stored;
}

absl::StatusOr<std::vector<StoredBatch>> RocksDbEventLog::read(const Position& after, std::size_t max_batches) {
  const auto index = index_of(after);
  if (!index.ok()) return index.status();
  const std::unique_ptr<rocksdb::Iterator> at(database_.db().NewIterator(rocksdb::ReadOptions(), database_.events()));
  std::vector<StoredBatch> batches;
  for (at->Seek(encode_u64(*index + 1)); at->Valid() && batches.size() < max_batches; at->Next()) {
    auto stored = parse(view(at->key()), view(at->value()));
    // What was read before the bad record is handed out first; the next read meets the record again.
    if (!stored.ok() && !batches.empty()) return batches;
    if (!stored.ok()) return stored.status();
    batches.push_back(*std::move(stored));
  }
  if (!at->status().ok()) return database_.error(at->status(), "read");
  return batches;
}

absl::StatusOr<std::vector<StoredBatch>> RocksDbEventLog::read_before(const Position& before, std::size_t max_batches) {
  const auto index = index_of(before);
  if (!index.ok()) return index.status();
  const std::unique_ptr<rocksdb::Iterator> at(database_.db().NewIterator(rocksdb::ReadOptions(), database_.events()));
  std::vector<StoredBatch> batches;
  if (*index == 0) {
    at->SeekToLast();
  } else {
    at->SeekForPrev(encode_u64(*index - 1));
  }
  for (; at->Valid() && batches.size() < max_batches; at->Prev()) {
    auto stored = parse(view(at->key()), view(at->value()));
    if (!stored.ok() && !batches.empty()) return batches;
    if (!stored.ok()) return stored.status();
    batches.push_back(*std::move(stored));
  }
  if (!at->status().ok()) return database_.error(at->status(), "read");
  return batches;
}

absl::StatusOr<Position> RocksDbEventLog::before_time(std::int64_t time_ns) {
  if (time_ns <= 0) return Position();
  const std::unique_ptr<rocksdb::Iterator> at(database_.db().NewIterator(rocksdb::ReadOptions(), database_.events()));
  std::uint64_t low = 0;  // all through here are older
  std::uint64_t high = 0;
  {
    const std::lock_guard lock(state_mutex_);
    high = end_index_;
  }
  while (low < high) {
    const std::uint64_t middle = low + (high - low + 1) / 2;
    // A trimmed log begins later: what is not there is older.
    at->SeekForPrev(encode_u64(middle));
    if (!at->status().ok()) return database_.error(at->status(), "read");
    const auto record = at->Valid() ? decode_record(view(at->value())) : RecordView{};
    if (!record) return absl::DataLossError(absl::StrCat("a record of ", database_.path().string(), " cannot be read"));
    if (record->newest_ns < static_cast<std::uint64_t>(time_ns)) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low == 0 ? Position() : Position(encode_u64(low));
}

bool RocksDbEventLog::wait(const Position& after, std::chrono::milliseconds timeout) {
  const auto index = index_of(after);
  if (!index.ok()) return false;
  std::unique_lock lock(state_mutex_);
  return grown_.wait_for(lock, timeout, [&] { return end_index_ > *index; });
}

Position RocksDbEventLog::end() {
  const std::lock_guard lock(state_mutex_);
  return end_index_ == 0 ? Position() : Position(encode_u64(end_index_));
}

absl::Status RocksDbEventLog::trim(const Position& through) {
  const auto index = index_of(through);
  if (!index.ok()) return index.status();
  const std::lock_guard writing(write_mutex_);
  LogState state = state_;
  const std::string past = encode_u64(std::min(*index, state.next_index - 1) + 1);
  const std::unique_ptr<rocksdb::Iterator> at(database_.db().NewIterator(rocksdb::ReadOptions(), database_.events()));
  for (at->SeekToFirst(); at->Valid() && view(at->key()) < past; at->Next()) {
    const auto record = decode_record(view(at->value()));
    state.events -= record ? record->events : 0;
    state.bytes -= at->value().size();
    --state.batches;
  }
  if (!at->status().ok()) return database_.error(at->status(), "read");

  rocksdb::WriteBatch batch;
  batch.DeleteRange(database_.events(), encode_u64(0), past);
  batch.Put(database_.meta(), slice(kStateKey), encode_log_state(state));
  if (auto status = database_.write(batch, true); !status.ok()) return status;
  {
    const std::lock_guard lock(state_mutex_);
    state_ = state;
  }
  // Gives whole files back at once; without it the space returns with a later compaction.
  const rocksdb::Slice end(past);
  const auto freed = rocksdb::DeleteFilesInRange(&database_.db(), database_.events(), nullptr, &end, false);
  return freed.ok() ? absl::OkStatus() : database_.error(freed, "trim");
}

}  // namespace bulkhead::store
