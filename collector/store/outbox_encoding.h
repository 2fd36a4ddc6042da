// Keys and values of the outbox's column families (docs/store-format.md). Private to this folder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "collector/store/outbox.h"

namespace bulkhead::store {

// All keys of one sink begin with it; no sink's keys begin like another's.
std::string sink_prefix(std::string_view sink);
// The first key after all that begin with `prefix`.
std::string prefix_end(std::string prefix);

// Of an entry or a dead letter.
std::string entry_key(std::string_view sink, std::uint64_t sequence);
std::uint64_t sequence_of(std::string_view key);

// Alerts read at a time, in bytes: more only where one alone is larger.
inline constexpr std::size_t kTakeBytes = 8u << 20;

// Since the epoch.
std::int64_t now_ns();

// Totals of one sink, under its name.
struct QueueTotals {
  std::uint64_t next_sequence = 1;
  std::uint64_t waiting = 0;
  std::uint64_t waiting_bytes = 0;
  std::uint64_t dead_letters = 0;
  std::uint64_t dead_letters_kept = 0;
};
std::string encode_totals(const QueueTotals& totals);
std::optional<QueueTotals> decode_totals(std::string_view bytes);

// Where the newest entry of an alert waits.
struct WaitingAlert {
  std::uint64_t sequence = 0;
  Activity activity = Activity::kCreate;
  std::uint64_t bytes = 0;
  std::int64_t queued_ns = 0;
};
std::string encode_waiting(const WaitingAlert& waiting);
std::optional<WaitingAlert> decode_waiting(std::string_view bytes);

// Activity, time of queueing, alert.
std::string encode_entry(Activity activity, std::int64_t queued_ns, std::string_view alert);
struct EntryView {
  Activity activity = Activity::kCreate;
  std::int64_t queued_ns = 0;
  std::string_view alert;
};
std::optional<EntryView> decode_entry(std::string_view bytes);

// Time of burial, length of the reason, reason, activity, alert.
std::string encode_dead_letter(std::int64_t time_ns, std::string_view reason, Activity activity,
                               std::string_view alert);
struct DeadLetterView {
  std::int64_t time_ns = 0;
  std::string_view reason;
  Activity activity = Activity::kCreate;
  std::string_view alert;
};
std::optional<DeadLetterView> decode_dead_letter(std::string_view bytes);

}  // namespace bulkhead::store
