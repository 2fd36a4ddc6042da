#include "collector/store/encoding.h"

#include <boost/endian/conversion.hpp>

namespace bulkhead::store {

void append_u64(std::string& to, std::uint64_t value) {
  unsigned char bytes[8];
  boost::endian::store_big_u64(bytes, value);
  to.append(reinterpret_cast<const char*>(bytes), sizeof bytes);
}

std::string encode_u64(std::uint64_t value) {
  std::string bytes;
  append_u64(bytes, value);
  return bytes;
}

std::optional<std::uint64_t> take_u64(std::string_view& from) {
  if (from.size() < 8) return std::nullopt;
  const auto value = boost::endian::load_big_u64(reinterpret_cast<const unsigned char*>(from.data()));
  from.remove_prefix(8);
  return value;
}

std::string host_prefix(std::string_view host_id) {
  std::string key = encode_u64(host_id.size());
  key.append(host_id);
  return key;
}

std::string boot_key(std::string_view host_id, std::string_view boot_id) {
  std::string key = host_prefix(host_id);
  key.append(boot_id);
  return key;
}

std::string encode_cursor(const Cursor& cursor) {
  std::string bytes;
  append_u64(bytes, cursor.next_sequence);
  append_u64(bytes, cursor.missing);
  for (const auto& [probe, count] : cursor.stored) {
    append_u64(bytes, probe);
    append_u64(bytes, count);
  }
  return bytes;
}

std::optional<Cursor> decode_cursor(std::string_view bytes) {
  const auto next = take_u64(bytes);
  const auto missing = take_u64(bytes);
  if (!next || !missing || bytes.size() % 16 != 0) return std::nullopt;
  Cursor cursor{.next_sequence = *next, .missing = *missing, .stored = {}};
  while (!bytes.empty()) {
    const auto probe = take_u64(bytes);
    const auto count = take_u64(bytes);
    cursor.stored[static_cast<std::uint32_t>(*probe)] = *count;
  }
  return cursor;
}

std::string encode_log_state(const LogState& state) {
  std::string bytes;
  for (const auto value : {state.next_index, state.events, state.batches, state.bytes, state.newest_ns})
    append_u64(bytes, value);
  return bytes;
}

std::optional<LogState> decode_log_state(std::string_view bytes) {
  const auto next_index = take_u64(bytes);
  const auto events = take_u64(bytes);
  const auto batches = take_u64(bytes);
  const auto size = take_u64(bytes);
  const auto newest = take_u64(bytes);
  if (!next_index || !events || !batches || !size || !newest || !bytes.empty()) return std::nullopt;
  return LogState{
      .next_index = *next_index, .events = *events, .batches = *batches, .bytes = *size, .newest_ns = *newest};
}

std::string encode_record(std::uint64_t events, std::uint64_t newest_ns, std::string_view batch) {
  std::string bytes;
  append_u64(bytes, events);
  append_u64(bytes, newest_ns);
  bytes.append(batch);
  return bytes;
}

std::optional<RecordView> decode_record(std::string_view bytes) {
  const auto events = take_u64(bytes);
  const auto newest = take_u64(bytes);
  if (!events || !newest) return std::nullopt;
  return RecordView{.events = *events, .newest_ns = *newest, .batch = bytes};
}

}  // namespace bulkhead::store
