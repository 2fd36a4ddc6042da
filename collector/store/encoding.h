// Keys and fixed-width values. Numbers are big-endian, so that the database's byte order is their order.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace bulkhead::store {

void append_u64(std::string& to, std::uint64_t value);
std::string encode_u64(std::uint64_t value);
// Takes eight bytes off the front; nothing when there are fewer.
std::optional<std::uint64_t> take_u64(std::string_view& from);

// All boots of one host share the prefix; a length keeps one host's id from being the beginning of another's.
std::string host_prefix(std::string_view host_id);
std::string boot_key(std::string_view host_id, std::string_view boot_id);

// What is known of one boot of one host.
struct Cursor {
  std::uint64_t next_sequence = 1;
  std::uint64_t missing = 0;
  std::map<std::uint32_t, std::uint64_t> stored;
};
std::string encode_cursor(const Cursor& cursor);
std::optional<Cursor> decode_cursor(std::string_view bytes);

// Totals of the log, and the index that its next batch gets (indexes are never reused, also after a trim).
struct LogState {
  std::uint64_t next_index = 1;
  std::uint64_t events = 0;
  std::uint64_t batches = 0;
  std::uint64_t bytes = 0;
  // Time of the newest event that was ever stored, nanoseconds since the epoch.
  std::uint64_t newest_ns = 0;
};
std::string encode_log_state(const LogState& state);
std::optional<LogState> decode_log_state(std::string_view bytes);

// A log record: the number of events, the time of the newest event in this and all earlier records (it never falls
// along the log, so that a time can be searched for by halves), then the serialized batch.
std::string encode_record(std::uint64_t events, std::uint64_t newest_ns, std::string_view batch);
struct RecordView {
  std::uint64_t events = 0;
  std::uint64_t newest_ns = 0;
  std::string_view batch;
};
std::optional<RecordView> decode_record(std::string_view bytes);

}  // namespace bulkhead::store
