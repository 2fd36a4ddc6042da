#include "collector/store/outbox_encoding.h"

#include <algorithm>
#include <chrono>

#include "collector/store/encoding.h"

namespace bulkhead::store {

namespace {

std::optional<Activity> take_activity(std::string_view& from) {
  const auto number = take_u64(from);
  if (!number || *number < 1 || *number > 3) return std::nullopt;
  return static_cast<Activity>(*number);
}

}  // namespace

std::string sink_prefix(std::string_view sink) {
  std::string key = encode_u64(sink.size());
  key.append(sink);
  return key;
}

std::string prefix_end(std::string prefix) {
  // The length in front is far below 2^64, so that there always is a byte to raise.
  while (prefix.back() == '\xff') prefix.pop_back();
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

std::string entry_key(std::string_view sink, std::uint64_t sequence) {
  return sink_prefix(sink) + encode_u64(sequence);
}

std::uint64_t sequence_of(std::string_view key) {
  std::string_view tail = key.substr(key.size() - std::min<std::size_t>(key.size(), 8));
  return take_u64(tail).value_or(0);
}

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string encode_totals(const QueueTotals& totals) {
  std::string bytes;
  for (const auto value :
       {totals.next_sequence, totals.waiting, totals.waiting_bytes, totals.dead_letters, totals.dead_letters_kept}) {
    append_u64(bytes, value);
  }
  return bytes;
}

std::optional<QueueTotals> decode_totals(std::string_view bytes) {
  const auto next = take_u64(bytes);
  const auto waiting = take_u64(bytes);
  const auto waiting_bytes = take_u64(bytes);
  const auto dead = take_u64(bytes);
  const auto kept = take_u64(bytes);
  if (!next || !waiting || !waiting_bytes || !dead || !kept || !bytes.empty()) return std::nullopt;
  return QueueTotals{.next_sequence = *next,
                     .waiting = *waiting,
                     .waiting_bytes = *waiting_bytes,
                     .dead_letters = *dead,
                     .dead_letters_kept = *kept};
}

std::string encode_waiting(const WaitingAlert& waiting) {
  std::string bytes;
  append_u64(bytes, waiting.sequence);
  append_u64(bytes, static_cast<std::uint64_t>(waiting.activity));
  append_u64(bytes, waiting.bytes);
  append_u64(bytes, static_cast<std::uint64_t>(waiting.queued_ns));
  return bytes;
}

std::optional<WaitingAlert> decode_waiting(std::string_view bytes) {
  const auto sequence = take_u64(bytes);
  const auto activity = take_activity(bytes);
  const auto size = take_u64(bytes);
  const auto queued = take_u64(bytes);
  if (!sequence || !activity || !size || !queued || !bytes.empty()) return std::nullopt;
  return WaitingAlert{
      .sequence = *sequence, .activity = *activity, .bytes = *size, .queued_ns = static_cast<std::int64_t>(*queued)};
}

std::string encode_entry(Activity activity, std::int64_t queued_ns, std::string_view alert) {
  std::string bytes;
  append_u64(bytes, static_cast<std::uint64_t>(activity));
  append_u64(bytes, static_cast<std::uint64_t>(queued_ns));
  bytes.append(alert);
  return bytes;
}

std::optional<EntryView> decode_entry(std::string_view bytes) {
  const auto activity = take_activity(bytes);
  const auto queued = take_u64(bytes);
  if (!activity || !queued) return std::nullopt;
  return EntryView{.activity = *activity, .queued_ns = static_cast<std::int64_t>(*queued), .alert = bytes};
}

std::string encode_dead_letter(std::int64_t time_ns, std::string_view reason, Activity activity,
                               std::string_view alert) {
  std::string bytes;
  append_u64(bytes, static_cast<std::uint64_t>(time_ns));
  append_u64(bytes, reason.size());
  bytes.append(reason);
  append_u64(bytes, static_cast<std::uint64_t>(activity));
  bytes.append(alert);
  return bytes;
}

std::optional<DeadLetterView> decode_dead_letter(std::string_view bytes) {
  const auto time = take_u64(bytes);
  const auto size = take_u64(bytes);
  if (!time || !size || *size > bytes.size()) return std::nullopt;
  const std::string_view reason = bytes.substr(0, *size);
  bytes.remove_prefix(*size);
  const auto activity = take_activity(bytes);
  if (!activity) return std::nullopt;
  return DeadLetterView{
      .time_ns = static_cast<std::int64_t>(*time), .reason = reason, .activity = *activity, .alert = bytes};
}

}  // namespace bulkhead::store
