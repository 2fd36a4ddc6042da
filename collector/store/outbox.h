// What waits to be sent: of each sink a queue of alerts on disk, in the order in which there was something to tell.
//
// Alerts are queued by AlertStore::commit(), in the same write as the alerts themselves. Delivery is at least once: an
// entry is there until it is confirmed or buried.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "bulkhead/v1/alert.pb.h"
#include "bulkhead/v1/sink.pb.h"

namespace bulkhead::store {

// What happened to the alert. The numbers are stored, and are OCSF's activity_id.
enum class Activity : std::uint8_t { kCreate = 1, kUpdate = 2, kClose = 3 };

// An alert in its present state and the sinks that are to hear of it.
struct Notice {
  v1::Alert alert;
  Activity activity = Activity::kCreate;
  std::vector<std::string> sinks;
};

struct OutboxEntry {
  // From 1, rising; never used twice for one sink.
  std::uint64_t sequence = 0;
  Activity activity = Activity::kCreate;
  v1::Alert alert;
};

// An entry that was not delivered, and will not be unless a person sends it again.
struct DeadLetter {
  // From 1, rising, of one sink.
  std::uint64_t number = 0;
  std::string reason;
  std::int64_t time_ns = 0;  // since the epoch
  Activity activity = Activity::kCreate;
  v1::Alert alert;
};

struct QueueState {
  std::string sink;
  std::uint64_t waiting = 0;
  std::uint64_t waiting_bytes = 0;
  // Ever, those counted again that were sent again and refused again; and those that are still there.
  std::uint64_t dead_letters = 0;
  std::uint64_t dead_letters_kept = 0;
  // When the oldest that waits was queued, nanoseconds since the epoch; 0 when nothing waits.
  std::int64_t oldest_ns = 0;
};

// Of each sink. Beyond the first two the oldest become dead letters; of these the newest are kept.
struct OutboxLimits {
  std::uint64_t waiting = 1'000'000;
  std::uint64_t waiting_bytes = std::uint64_t{4} << 30;
  std::uint64_t dead_letters = 10'000;
};

// Letters that one write moves, and that a change can name.
inline constexpr std::size_t kDeadLettersAtOnce = 256;

// Thread safe; each sink's queue has one consumer.
class Outbox {
 public:
  virtual ~Outbox() = default;

  // The oldest entries, at most `max`. From now on until the store is opened again they stay as they are: what comes
  // next of their alerts is queued behind them, so that a repeated delivery repeats itself exactly.
  virtual absl::StatusOr<std::vector<OutboxEntry>> take(const std::string& sink, std::size_t max) = 0;

  // Delivered. Survives the end of the process at once and a power cut within seconds: after one, the last deliveries
  // are repeated.
  virtual absl::Status confirm(const std::string& sink, std::span<const OutboxEntry> delivered) = 0;

  // Will never be delivered: goes to the dead letters.
  virtual absl::Status bury(const std::string& sink, const OutboxEntry& entry, std::string_view reason) = 0;

  // Forgets what waits and the dead letters.
  virtual absl::Status drop(const std::string& sink) = 0;

  // True as soon as something waits, false at the timeout or the stop.
  virtual bool wait(const std::string& sink, const std::stop_token& stop, std::chrono::milliseconds timeout) = 0;

  // Of every sink that ever had something to wait for, by name.
  virtual std::vector<QueueState> states() = 0;

  // Oldest first, those whose number is above `above`: at most `max`, fewer where they are large; empty at the end.
  // Waits for no delivery and holds none back.
  virtual absl::StatusOr<std::vector<DeadLetter>> dead_letters(const std::string& sink, std::uint64_t above,
                                                               std::size_t max) = 0;
  // What `above` has to be for the newest `count`.
  virtual absl::StatusOr<std::uint64_t> below_newest_dead_letters(const std::string& sink, std::size_t count) = 0;

  // Sends letters again or drops them: those that `change` names by number, those of its alert, or else all that there
  // are at the moment. Returns `change` with its time and the number of letters, and keeps it. Each write moves
  // letters, at most kDeadLettersAtOnce, with the record of it and survives a power cut; between two writes deliveries
  // go on, and the rest is left as it is once `go_on` says no (kCancelled).
  //
  // A letter that is sent again is queued as an alert's state is that newly comes, and behind it, or in its place as
  // far as a newer state may take an older one's, the state in which the alert is now: nobody is left with the old one.
  //
  // kNotFound when there is none, or one that is named is not there; then nothing is changed.
  virtual absl::StatusOr<v1::DeadLetterChange> change_dead_letters(v1::DeadLetterChange change,
                                                                   const std::function<bool()>& go_on) = 0;
  // Oldest first; stops when `visit` returns false. An empty sink: all of them.
  virtual absl::Status for_each_dead_letter_change(const std::string& sink,
                                                   const std::function<bool(const v1::DeadLetterChange&)>& visit) = 0;
};

}  // namespace bulkhead::store
