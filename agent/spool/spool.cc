#include "agent/spool/spool.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/spool/boot_queue.h"
#include "agent/spool/loss_ledger.h"
#include "agent/spool/spool_directory.h"
#include "proto/batch/batch.h"
#include "proto/batch/limits.h"

namespace bulkhead::spool {
namespace {

constexpr std::uint64_t kLeastMaxBytes = 1u << 20;
constexpr std::uint64_t kSequenceLimit = 1ull << 62;
constexpr std::size_t kBootIdBytes = 64;

absl::Status check(const Options& options) {
  const auto is_plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
           c == '_';
  };
  const std::string& boot = options.boot_id;
  if (boot.empty() || boot.size() > kBootIdBytes || !std::all_of(boot.begin(), boot.end(), is_plain)) {
    return absl::InvalidArgumentError("spool's boot id must be 1 to 64 letters, digits and -._");
  }
  if (options.host_id.empty() || options.host_id.size() > limits::kHostIdBytes ||
      options.host_id.find('\n') != std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("spool's host id must be one line of 1 to ", limits::kHostIdBytes, " bytes"));
  }
  if (options.dir.empty()) return absl::InvalidArgumentError("spool's directory is not given");
  if (options.max_bytes < kLeastMaxBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("spool's max_bytes ", options.max_bytes, " is too small, the least is ", kLeastMaxBytes));
  }
  return absl::OkStatus();
}

}  // namespace

class Spool::Implementation {
 public:
  Implementation(Options options, SpoolDirectory directory)
      : options_(std::move(options)), lock_(std::move(directory.lock)), queues_(std::move(directory.queues)) {
    options_.segment_bytes = std::min(options_.segment_bytes, options_.max_bytes / 8);
    for (const BootQueue& queue : queues_) statistics_.cut_bytes += queue.cut_bytes();
  }

  ~Implementation() {
    // Only saves sending events twice after a restart, so a failure changes nothing that matters.
    for (const BootQueue& queue : queues_) queue.save().IgnoreError();
  }

  absl::Status append(const std::vector<v1::Event>& events) {
    return with_listener([&] {
      // While a statement of loss does not fit, no event that came later may pass it.
      absl::Status status = state_losses();
      if (status.ok()) {
        status = store(events);
      } else {
        drop(events, 0);
      }
      statistics_.error = std::string(status.message());
      return status;
    });
  }

  std::vector<std::string> boots() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> ids;
    for (const BootQueue& queue : queues_) ids.push_back(queue.boot_id());
    return ids;
  }

  absl::Status meet(const std::string& boot_id, std::uint64_t next_sequence) {
    const std::lock_guard lock(mutex_);
    const auto queue = find(boot_id);
    if (queue == queues_.end() || next_sequence == 0 || next_sequence > kSequenceLimit) {
      return absl::InvalidArgumentError(
          absl::StrCat("spool cannot go on from sequence ", next_sequence, " of boot '", boot_id, "'"));
    }
    const std::uint64_t known_next = queue->next() + queue->offset();
    const bool is_current = queue + 1 == queues_.end();
    const std::uint64_t first_unsent = queue->acknowledged() + 1;
    absl::Status status;
    if (!queue->met() || (is_current && next_sequence > known_next)) {
      // None of what is held was ever sent under the numbers that the collector has.
      const std::uint64_t offset = next_sequence > first_unsent ? next_sequence - first_unsent : 0;
      status = queue->settle(offset, queue->acknowledged());
    } else if (next_sequence > queue->offset() + 1) {
      status = queue->acknowledge(std::min(next_sequence - queue->offset(), queue->next()) - 1);
    }
    return status.ok() ? remove_if_done(queue) : status;
  }

  absl::Status acknowledge(const std::string& boot_id, std::uint64_t through_sequence) {
    return with_listener([&] {
      const absl::Status status = acknowledge_locked(boot_id, through_sequence);
      // There may be room again, and nobody knows when the next event comes. Not stated now is stated later.
      if (status.ok()) state_losses().IgnoreError();
      return status;
    });
  }

  absl::StatusOr<std::optional<Item>> read(const std::string& boot_id, std::uint64_t sequence) {
    const std::lock_guard reading(reader_mutex_);
    BootQueue::View view;
    std::uint64_t offset = 0;
    {
      const std::lock_guard lock(mutex_);
      const auto queue = find(boot_id);
      if (queue == queues_.end()) return std::nullopt;
      offset = queue->offset();
      if (sequence >= queue->next() + offset) return std::nullopt;
      if (sequence < queue->first_held() + offset) {
        return gap(boot_id, sequence, queue->first_held() + offset - 1, v1::SequenceGap::REASON_ACKNOWLEDGED_BEFORE);
      }
      view = queue->view(sequence - offset);
    }
    const std::uint64_t local = sequence - offset;
    if (auto status = position(boot_id, view, local); !status.ok()) return status;
    std::uint64_t beyond = view.beyond;
    while (auto record = next_record(view)) {
      if (record->last_sequence < local) continue;
      if (record->batch.first_sequence() <= local) return item(*std::move(record), offset);
      beyond = std::min(beyond, record->batch.first_sequence());
      cursor_->pending = *std::move(record);
      break;
    }
    note_damage(boot_id, local, beyond - 1);
    return gap(boot_id, sequence, beyond - 1 + offset, v1::SequenceGap::REASON_SPOOL_DAMAGED);
  }

  void set_listener(std::function<void()> listener) {
    const std::lock_guard lock(mutex_);
    listener_ = std::move(listener);
  }

  Statistics statistics() const {
    const std::lock_guard lock(mutex_);
    Statistics statistics = statistics_;
    statistics.bytes = total_bytes();
    for (const BootQueue& queue : queues_) statistics.unacknowledged_events += queue.unacknowledged();
    const BootQueue& current = queues_.back();
    statistics.spooled_through = current.next() - 1 + current.offset();
    statistics.acknowledged_through = current.met() ? current.acknowledged() + current.offset() : 0;
    return statistics;
  }

 private:
  using Queues = std::vector<BootQueue>;

  // Where the last read ended, so that the next one need not search.
  struct Cursor {
    std::string boot_id;
    std::uint64_t segment = 0;
    SegmentReader reader;
    // Events before this are behind the reader.
    std::uint64_t behind = 0;
    // Read, but not given out: a gap came first.
    std::optional<Record> pending = std::nullopt;
  };

  BootQueue& current() { return queues_.back(); }

  Queues::iterator find(const std::string& boot_id) {
    return std::find_if(queues_.begin(), queues_.end(),
                        [&](const BootQueue& queue) { return queue.boot_id() == boot_id; });
  }

  std::uint64_t total_bytes() const {
    std::uint64_t bytes = 0;
    for (const BootQueue& queue : queues_) bytes += queue.bytes();
    return bytes;
  }

  absl::Status remove_if_done(Queues::iterator queue) {
    if (queue + 1 == queues_.end() || queue->unacknowledged() > 0) return absl::OkStatus();
    if (auto status = queue->remove(); !status.ok()) return status;
    queues_.erase(queue);
    return absl::OkStatus();
  }

  template <typename Change>
  absl::Status with_listener(Change change) {
    absl::Status status;
    std::function<void()> listener;
    {
      const std::lock_guard lock(mutex_);
      const std::uint64_t before = current().next();
      status = change();
      if (current().next() != before) listener = listener_;
    }
    if (listener) listener();
    return status;
  }

  absl::Status acknowledge_locked(const std::string& boot_id, std::uint64_t through_sequence) {
    const auto queue = find(boot_id);
    if (queue == queues_.end() || !queue->met() || through_sequence >= queue->next() + queue->offset()) {
      return absl::InvalidArgumentError(
          absl::StrCat("spool did not send sequence ", through_sequence, " of boot '", boot_id, "'"));
    }
    if (through_sequence <= queue->offset()) return absl::OkStatus();
    if (auto status = queue->acknowledge(through_sequence - queue->offset()); !status.ok()) return status;
    return remove_if_done(queue);
  }

  // ---- appending, under mutex_ ----

  absl::Status state_losses() { return ledger_.empty() ? absl::OkStatus() : store(ledger_.take(options_.clock())); }

  void drop_one(const v1::Event& event) {
    if (!ledger_.drop(event, options_.clock())) return;
    ++statistics_.dropped[event.probe()];
    ++statistics_.dropped_events;
  }

  void drop(const std::vector<v1::Event>& events, std::size_t from) {
    for (std::size_t i = from; i < events.size(); ++i) drop_one(events[i]);
  }

  absl::Status store(const std::vector<v1::Event>& events) {
    absl::Status invalid;
    std::size_t i = 0;
    while (i < events.size()) {
      batch::Packer packer(options_.host_id, options_.boot_id, current().next());
      std::vector<std::size_t> packed;
      for (; i < events.size(); ++i) {
        const auto added = packer.add(events[i]);
        if (!added.ok()) {
          drop_one(events[i]);
          invalid = added.status();
          continue;
        }
        if (*added == batch::Packer::Added::kFull) break;
        packed.push_back(i);
      }
      if (packed.empty()) continue;
      if (auto status = write(packer.finish()); !status.ok()) {
        for (const std::size_t unwritten : packed) drop_one(events[unwritten]);
        drop(events, i);
        return status;
      }
      for (const std::size_t written : packed) ++statistics_.spooled[events[written].probe()];
    }
    return invalid;
  }

  absl::Status write(const v1::EventBatch& batch) {
    const std::uint64_t bytes = SegmentWriter::record_bytes(batch);
    if (current().roll_wanted(bytes, options_.segment_bytes) || (!has_room(bytes) && current().roll_frees())) {
      if (auto status = current().roll(); !status.ok()) return status;
    }
    is_full_ = !has_room(bytes);
    if (!is_full_) return current().append(batch);
    return absl::ResourceExhaustedError(absl::StrCat("spool ", options_.dir.string(), " is full: ", total_bytes(),
                                                     " of ", options_.max_bytes,
                                                     " bytes wait for the collector; new events are dropped"));
  }

  // Once full, it stays so until a sixteenth is free: at the brink each statement of loss would fill what the next one
  // frees.
  bool has_room(std::uint64_t bytes) const {
    const std::uint64_t reserve = is_full_ ? options_.max_bytes / 16 : 0;
    return total_bytes() + bytes + reserve <= options_.max_bytes;
  }

  // ---- reading, under reader_mutex_ ----

  absl::Status position(const std::string& boot_id, const BootQueue::View& view, std::uint64_t local) {
    if (cursor_ && cursor_->boot_id == boot_id && cursor_->segment == view.first && cursor_->behind <= local) {
      return absl::OkStatus();
    }
    cursor_.reset();
    auto reader = SegmentReader::open(view.path, view.first);
    // A file that is not there is damage like any other.
    if (absl::IsNotFound(reader.status())) return absl::OkStatus();
    if (!reader.ok()) return reader.status();
    cursor_.emplace(Cursor{.boot_id = boot_id, .segment = view.first, .reader = *std::move(reader)});
    return absl::OkStatus();
  }

  std::optional<Record> next_record(const BootQueue::View& view) {
    if (!cursor_) return std::nullopt;
    auto record = cursor_->pending ? std::exchange(cursor_->pending, std::nullopt) : cursor_->reader.next(view.end);
    if (record) cursor_->behind = record->batch.first_sequence();
    return record;
  }

  std::optional<Item> item(Record record, std::uint64_t offset) {
    cursor_->behind = record.last_sequence + 1;
    const std::uint64_t first_sequence = record.batch.first_sequence() + offset;
    record.batch.set_first_sequence(first_sequence);
    return Item{.content = std::move(record.batch),
                .first_sequence = first_sequence,
                .last_sequence = record.last_sequence + offset};
  }

  static std::optional<Item> gap(const std::string& boot_id, std::uint64_t from, std::uint64_t through,
                                 v1::SequenceGap::Reason reason) {
    v1::SequenceGap gap;
    gap.set_boot_id(boot_id);
    gap.set_from_sequence(from);
    gap.set_through_sequence(through);
    gap.set_reason(reason);
    return Item{.content = std::move(gap), .first_sequence = from, .last_sequence = through};
  }

  void note_damage(const std::string& boot_id, std::uint64_t from, std::uint64_t through) {
    const std::lock_guard lock(mutex_);
    const auto queue = find(boot_id);
    if (queue == queues_.end()) return;
    statistics_.damaged_events += queue->note_damage(from, through);
  }

  Options options_;
  FileDescriptor lock_;

  // Taken before mutex_.
  std::mutex reader_mutex_;
  std::optional<Cursor> cursor_;

  mutable std::mutex mutex_;
  // Never empty; the last is this boot's.
  Queues queues_;
  LossLedger ledger_;
  bool is_full_ = false;
  Statistics statistics_;
  std::function<void()> listener_;
};

absl::StatusOr<std::unique_ptr<Spool>> Spool::open(Options options) {
  if (auto status = check(options); !status.ok()) return status;
  auto directory = open_directory(options.dir, options.host_id, options.boot_id);
  if (!directory.ok()) return directory.status();
  return std::unique_ptr<Spool>(new Spool(std::make_unique<Implementation>(std::move(options), *std::move(directory))));
}

Spool::Spool(std::unique_ptr<Implementation> implementation) : implementation_(std::move(implementation)) {}
Spool::~Spool() = default;

absl::Status Spool::append(std::vector<v1::Event> events) {
  return implementation_->append(std::move(events));
}
std::vector<std::string> Spool::boots() const {
  return implementation_->boots();
}
absl::Status Spool::meet(const std::string& boot_id, std::uint64_t next_sequence) {
  return implementation_->meet(boot_id, next_sequence);
}
absl::StatusOr<std::optional<Item>> Spool::read(const std::string& boot_id, std::uint64_t sequence) {
  return implementation_->read(boot_id, sequence);
}
absl::Status Spool::acknowledge(const std::string& boot_id, std::uint64_t through_sequence) {
  return implementation_->acknowledge(boot_id, through_sequence);
}
void Spool::set_listener(std::function<void()> listener) {
  implementation_->set_listener(std::move(listener));
}
Statistics Spool::statistics() const {
  return implementation_->statistics();
}

}  // namespace bulkhead::spool
