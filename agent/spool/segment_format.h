// The bytes of a segment file; docs/spool-format.md says why they are so. All numbers are little-endian.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bulkhead::spool {

inline constexpr std::size_t kSegmentHeaderBytes = 32;
inline constexpr std::size_t kRecordHeaderBytes = 32;
inline constexpr std::uint32_t kFormatVersion = 1;
// No event takes less of a record's payload: its tag and its length.
inline constexpr std::size_t kLeastEventBytes = 2;

// Polynomial 0x1EDC6F41 (Castagnoli), as in iSCSI.
std::uint32_t crc32c(std::string_view bytes);

struct SegmentHeader {
  // Local sequence of the first event that the segment may hold.
  std::uint64_t first_sequence = 0;
  // Random; each record of this segment begins with it.
  std::uint64_t mark = 0;
};

struct RecordHeader {
  std::uint64_t first_sequence = 0;
  std::uint32_t payload_bytes = 0;
  std::uint32_t events = 0;
  std::uint32_t payload_crc = 0;
};

std::string encode(const SegmentHeader& header);
std::string encode(const RecordHeader& header, std::uint64_t mark);

// The eight bytes that `mark` is in a file.
std::string mark_bytes(std::uint64_t mark);

// Nothing when the bytes are too few, or not what encode() makes.
std::optional<SegmentHeader> decode_segment_header(std::string_view bytes);
std::optional<RecordHeader> decode_record_header(std::string_view bytes, std::uint64_t mark);

}  // namespace bulkhead::spool
