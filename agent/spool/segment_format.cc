#include "agent/spool/segment_format.h"

#include <boost/crc.hpp>
#include <type_traits>

#include "proto/batch/limits.h"

namespace bulkhead::spool {
namespace {

constexpr std::string_view kMagic = "BHSPOOL\n";

template <typename Number>
void put(Number number, std::string* bytes) {
  static_assert(std::is_unsigned_v<Number>);
  for (std::size_t i = 0; i < sizeof(Number); ++i) bytes->push_back(static_cast<char>(number >> (8 * i) & 0xff));
}

template <typename Number>
Number get(std::string_view bytes, std::size_t offset) {
  Number number = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    number |= static_cast<Number>(static_cast<unsigned char>(bytes[offset + i])) << (8 * i);
  }
  return number;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

std::string encode(const SegmentHeader& header) {
  std::string bytes(kMagic);
  put(kFormatVersion, &bytes);
  put(header.first_sequence, &bytes);
  put(header.mark, &bytes);
  put(crc32c(bytes), &bytes);
  return bytes;
}

std::string encode(const RecordHeader& header, std::uint64_t mark) {
  std::string bytes;
  put(mark, &bytes);
  put(header.first_sequence, &bytes);
  put(header.payload_bytes, &bytes);
  put(header.events, &bytes);
  put(header.payload_crc, &bytes);
  put(crc32c(bytes), &bytes);
  return bytes;
}

std::string mark_bytes(std::uint64_t mark) {
  std::string bytes;
  put(mark, &bytes);
  return bytes;
}

std::optional<SegmentHeader> decode_segment_header(std::string_view bytes) {
  if (bytes.size() < kSegmentHeaderBytes || bytes.substr(0, kMagic.size()) != kMagic) return std::nullopt;
  if (get<std::uint32_t>(bytes, 28) != crc32c(bytes.substr(0, 28))) return std::nullopt;
  if (get<std::uint32_t>(bytes, 8) != kFormatVersion) return std::nullopt;
  return SegmentHeader{.first_sequence = get<std::uint64_t>(bytes, 12), .mark = get<std::uint64_t>(bytes, 20)};
}

std::optional<RecordHeader> decode_record_header(std::string_view bytes, std::uint64_t mark) {
  if (bytes.size() < kRecordHeaderBytes || get<std::uint64_t>(bytes, 0) != mark) return std::nullopt;
  if (get<std::uint32_t>(bytes, 28) != crc32c(bytes.substr(0, 28))) return std::nullopt;
  RecordHeader header{.first_sequence = get<std::uint64_t>(bytes, 8),
                      .payload_bytes = get<std::uint32_t>(bytes, 16),
                      .events = get<std::uint32_t>(bytes, 20),
                      .payload_crc = get<std::uint32_t>(bytes, 24)};
  // A right checksum over wrong figures: nothing that this code wrote.
  if (header.events == 0 || header.events > limits::kEventsPerBatch) return std::nullopt;
  if (header.payload_bytes > limits::kBatchBytes) return std::nullopt;
  return header;
}

}  // namespace bulkhead::spool
