// The dead letters of the outbox: read, sent again, dropped. Deliveries are in rocksdb_outbox.cc.
#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "collector/store/encoding.h"
#include "collector/store/rocksdb_alert_store.h"
#include "collector/store/rocksdb_outbox.h"
#include "proto/batch/event_time.h"

namespace bulkhead::store {

namespace {

// In the table; then the time, 16 hexadecimal digits of nanoseconds, and the sink.
constexpr char kChangePrefix[] = "dead_letters/";

std::string change_key(const v1::DeadLetterChange& change) {
  const auto time = batch::nanoseconds_of(change.time()).value_or(0);
  return absl::StrCat(kChangePrefix, absl::Hex(time, absl::kZeroPad16), "/", change.sink());
}

absl::Status no_letters(const v1::DeadLetterChange& change) {
  return absl::NotFoundError(absl::StrCat("sink '", change.sink(), "' has no dead letters",
                                          change.alert_uid().empty() ? "" : " of alert ", change.alert_uid()));
}

}  // namespace

absl::StatusOr<DeadLetter> RocksDbOutbox::parse_letter(std::string_view key, std::string_view value) const {
  const auto stored = decode_dead_letter(value);
  DeadLetter letter;
  if (!stored || !letter.alert.ParseFromArray(stored->alert.data(), static_cast<int>(stored->alert.size()))) {
    return unreadable("a dead letter");
  }
  letter.number = sequence_of(key);
  letter.reason = std::string(stored->reason);
  letter.time_ns = stored->time_ns;
  letter.activity = stored->activity;
  return letter;
}

absl::StatusOr<std::vector<DeadLetter>> RocksDbOutbox::dead_letters(const std::string& sink, std::uint64_t above,
                                                                    std::size_t max) {
  std::vector<DeadLetter> letters;
  const std::string prefix = sink_prefix(sink);
  const std::unique_ptr<rocksdb::Iterator> at(
      database_.db().NewIterator(rocksdb::ReadOptions(), database_.dead_letters()));
  std::size_t bytes = 0;
  for (at->Seek(entry_key(sink, above + 1));
       letters.size() < max && bytes < kTakeBytes && at->Valid() && at->key().starts_with(prefix); at->Next()) {
    bytes += at->value().size();
    auto letter = parse_letter(view(at->key()), view(at->value()));
    if (!letter.ok()) return letter.status();
    letters.push_back(*std::move(letter));
  }
  if (!at->status().ok()) return database_.error(at->status(), "read");
  return letters;
}

absl::StatusOr<std::uint64_t> RocksDbOutbox::below_newest_dead_letters(const std::string& sink, std::size_t count) {
  const std::string prefix = sink_prefix(sink);
  const std::unique_ptr<rocksdb::Iterator> at(
      database_.db().NewIterator(rocksdb::ReadOptions(), database_.dead_letters()));
  at->SeekForPrev(prefix_end(prefix));
  for (; count > 0 && at->Valid() && at->key().starts_with(prefix); at->Prev()) --count;
  if (!at->status().ok()) return database_.error(at->status(), "read");
  return at->Valid() && at->key().starts_with(prefix) ? sequence_of(view(at->key())) : 0;
}

std::uint64_t RocksDbOutbox::evict_letters(const std::string& sink, const Queue& queue, QueueTotals& totals,
                                           rocksdb::WriteBatch& batch) const {
  if (totals.dead_letters_kept <= limits_.dead_letters) return queue.first_letter;
  const std::string prefix = sink_prefix(sink);
  const std::unique_ptr<rocksdb::Iterator> at(
      database_.db().NewIterator(rocksdb::ReadOptions(), database_.dead_letters()));
  std::uint64_t first = queue.first_letter;
  // There are holes where letters were sent again; those that the batch itself adds follow on the last one.
  std::uint64_t added = queue.totals.dead_letters + 1;
  at->Seek(entry_key(sink, first));
  for (; totals.dead_letters_kept > limits_.dead_letters; --totals.dead_letters_kept) {
    const bool stored = at->Valid() && at->key().starts_with(prefix);
    const std::uint64_t oldest = stored ? sequence_of(view(at->key())) : added++;
    batch.Delete(database_.dead_letters(), entry_key(sink, oldest));
    first = oldest + 1;
    if (stored) at->Next();
  }
  return first;
}

absl::Status RocksDbOutbox::Draft::take_letter(const std::string& sink, const DeadLetter& letter, bool resend,
                                               rocksdb::WriteBatch& batch) {
  QueueTotals& totals = totals_.try_emplace(sink, outbox_.queues_[sink].totals).first->second;
  totals.dead_letters_kept -= std::min<std::uint64_t>(totals.dead_letters_kept, 1);
  batch.Delete(outbox_.database_.dead_letters(), entry_key(sink, letter.number));
  if (!resend) return absl::OkStatus();
  const Notice notice{.alert = letter.alert, .activity = letter.activity, .sinks = {sink}};
  if (auto status = add(notice, batch); !status.ok()) return status;
  // What is new since then may have been delivered already, and would be undone by what is old.
  const auto present = read_alert(outbox_.database_, letter.alert.uid());
  if (!present.ok()) return present.status();
  if (!present->has_value() || (*present)->state() == v1::ALERT_STATE_AUTHORISED) return absl::OkStatus();
  const bool closed = (*present)->state() == v1::ALERT_STATE_CLOSED;
  return add({.alert = **present, .activity = closed ? Activity::kClose : Activity::kUpdate, .sinks = {sink}}, batch);
}

absl::StatusOr<std::vector<DeadLetter>> RocksDbOutbox::named_letters(const v1::DeadLetterChange& change) const {
  std::vector<DeadLetter> letters;
  for (const std::uint64_t number : std::set<std::uint64_t>(change.numbers().begin(), change.numbers().end())) {
    const std::string key = entry_key(change.sink(), number);
    const auto stored = database_.get(database_.dead_letters(), key);
    if (!stored.ok()) return stored.status();
    if (!stored->has_value()) {
      return absl::NotFoundError(absl::StrCat("sink '", change.sink(), "' has no dead letter ", number));
    }
    auto letter = parse_letter(key, **stored);
    if (!letter.ok()) return letter.status();
    letters.push_back(*std::move(letter));
  }
  return letters;
}

absl::StatusOr<RocksDbOutbox::LetterStep> RocksDbOutbox::change_some(v1::DeadLetterChange& change, std::uint64_t above,
                                                                     std::uint64_t last) {
  const std::string& sink = change.sink();
  const bool named = !change.numbers().empty();
  Draft draft(*this);
  const auto letters = named ? named_letters(change) : dead_letters(sink, above, kDeadLettersAtOnce);
  if (!letters.ok()) return letters.status();
  LetterStep step{.through = above, .at_end = named || letters->empty()};
  rocksdb::WriteBatch batch;
  const std::uint64_t before = change.letters();
  for (const DeadLetter& letter : *letters) {
    // Put aside since the call: perhaps what it sent again.
    if (!named && letter.number > last) {
      step.at_end = true;
      break;
    }
    step.through = letter.number;
    if (!change.alert_uid().empty() && letter.alert.uid() != change.alert_uid()) continue;
    const bool resend = change.action() == v1::DEAD_LETTER_ACTION_RESEND;
    if (auto status = draft.take_letter(sink, letter, resend, batch); !status.ok()) return status;
    change.set_letters(change.letters() + 1);
  }
  if (change.letters() == before) return step;
  draft.put_totals(batch);
  batch.Put(database_.table(), change_key(change), change.SerializeAsString());
  if (auto status = database_.write(batch, true); !status.ok()) return status;
  draft.written();
  return step;
}

std::uint64_t RocksDbOutbox::last_letter(const std::string& sink) {
  const std::lock_guard lock(mutex_);
  const auto queue = queues_.find(sink);
  return queue == queues_.end() ? 0 : queue->second.totals.dead_letters;
}

absl::StatusOr<v1::DeadLetterChange> RocksDbOutbox::change_dead_letters(v1::DeadLetterChange change,
                                                                        const std::function<bool()>& go_on) {
  batch::set_nanoseconds(now_ns(), change.mutable_time());
  change.set_letters(0);
  const std::uint64_t last = last_letter(change.sink());
  for (LetterStep step; !step.at_end;) {
    if (!go_on()) {
      return absl::CancelledError(
          absl::StrCat("it was ended after ", change.letters(), " dead letters; the others ", "are as they were"));
    }
    const auto next = change_some(change, step.through, last);
    if (!next.ok()) return next.status();
    step = *next;
  }
  if (change.letters() == 0) return no_letters(change);
  return change;
}

absl::Status RocksDbOutbox::for_each_dead_letter_change(const std::string& sink,
                                                        const std::function<bool(const v1::DeadLetterChange&)>& visit) {
  const std::unique_ptr<rocksdb::Iterator> at(database_.db().NewIterator(rocksdb::ReadOptions(), database_.table()));
  for (at->Seek(kChangePrefix); at->Valid() && at->key().starts_with(kChangePrefix); at->Next()) {
    v1::DeadLetterChange change;
    if (!change.ParseFromArray(at->value().data(), static_cast<int>(at->value().size()))) {
      return unreadable("what was done to dead letters");
    }
    if ((sink.empty() || sink == change.sink()) && !visit(change)) return absl::OkStatus();
  }
  return at->status().ok() ? absl::OkStatus() : database_.error(at->status(), "read");
}

}  // namespace bulkhead::store
