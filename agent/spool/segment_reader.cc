#include "agent/spool/segment_reader.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "agent/spool/segment_format.h"
#include "proto/batch/batch.h"

namespace bulkhead::spool {

SegmentReader::SegmentReader(std::filesystem::path path, FileDescriptor file, std::optional<std::uint64_t> mark)
    : path_(std::move(path)), file_(std::move(file)), mark_(mark), offset_(kSegmentHeaderBytes) {}

absl::StatusOr<SegmentReader> SegmentReader::open(std::filesystem::path path, std::uint64_t first_sequence) {
  auto file = open_file(path, O_RDONLY);
  if (!file.ok()) return file.status();
  auto bytes = read_at(*file, path, 0, kSegmentHeaderBytes);
  const auto header = bytes.ok() ? decode_segment_header(*bytes) : std::nullopt;
  std::optional<std::uint64_t> mark;
  if (header && header->first_sequence == first_sequence) mark = header->mark;
  return SegmentReader(std::move(path), *std::move(file), mark);
}

std::optional<Record> SegmentReader::next(std::uint64_t end) {
  if (!mark_) return std::nullopt;
  while (offset_ < end) {
    std::uint64_t next_offset = 0;
    if (auto record = record_at(offset_, end, &next_offset)) {
      offset_ = next_offset;
      return record;
    }
    const std::uint64_t found = find_mark(offset_ + 1, end);
    damaged_bytes_ += found - offset_;
    offset_ = found;
  }
  return std::nullopt;
}

std::optional<Record> SegmentReader::record_at(std::uint64_t offset, std::uint64_t end,
                                               std::uint64_t* next_offset) const {
  // A disk that cannot read a place is damage at that place.
  const auto header_bytes = read_at(file_, path_, offset, kRecordHeaderBytes);
  if (!header_bytes.ok()) return std::nullopt;
  const auto header = decode_record_header(*header_bytes, *mark_);
  if (!header) return std::nullopt;
  const std::uint64_t payload_offset = offset + kRecordHeaderBytes;
  if (payload_offset > end || header->payload_bytes > end - payload_offset) return std::nullopt;
  const auto payload = read_at(file_, path_, payload_offset, header->payload_bytes);
  if (!payload.ok() || payload->size() != header->payload_bytes) return std::nullopt;
  if (crc32c(*payload) != header->payload_crc) return std::nullopt;
  auto batch = batch::parse(*payload);
  if (!batch.ok() || !batch::validate(*batch).ok()) return std::nullopt;
  if (batch->first_sequence() != header->first_sequence) return std::nullopt;
  if (static_cast<std::uint32_t>(batch->events_size()) != header->events) return std::nullopt;
  *next_offset = payload_offset + header->payload_bytes;
  const std::uint64_t last_sequence = batch::last_sequence(*batch);
  return Record{.batch = *std::move(batch), .last_sequence = last_sequence};
}

// Payloads hold text that tenants choose, but not the mark, which they cannot know: what begins with it is a record.
std::uint64_t SegmentReader::find_mark(std::uint64_t offset, std::uint64_t end) const {
  constexpr std::size_t kChunkBytes = 1u << 16;
  const std::string mark = mark_bytes(*mark_);
  while (offset < end) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(kChunkBytes, end - offset));
    const auto chunk = read_at(file_, path_, offset, wanted);
    if (!chunk.ok() || chunk->size() < mark.size()) return end;
    if (const auto found = chunk->find(mark); found != std::string::npos) return offset + found;
    offset += chunk->size() - (mark.size() - 1);
  }
  return end;
}

Tail SegmentReader::tail_at(std::uint64_t offset, std::uint64_t end) const {
  if (offset >= end) return Tail::kNone;
  const auto bytes = read_at(file_, path_, offset, kRecordHeaderBytes);
  if (!bytes.ok()) return Tail::kDamaged;
  const std::string mark = mark_bytes(*mark_);
  const std::size_t shared = std::min(bytes->size(), mark.size());
  if (bytes->compare(0, shared, mark, 0, shared) != 0) return Tail::kDamaged;
  if (bytes->size() < kRecordHeaderBytes) return Tail::kTorn;
  const auto header = decode_record_header(*bytes, *mark_);
  return header && header->payload_bytes > end - offset - kRecordHeaderBytes ? Tail::kTorn : Tail::kDamaged;
}

SegmentReader::Extent SegmentReader::walk(std::uint64_t file_bytes) {
  Extent extent;
  if (!mark_) {
    extent.tail = file_bytes < kSegmentHeaderBytes ? Tail::kTorn : Tail::kDamaged;
    return extent;
  }
  extent.valid_bytes = kSegmentHeaderBytes;
  while (auto record = next(file_bytes)) {
    extent.valid_bytes = offset_;
    extent.last_sequence = record->last_sequence;
  }
  extent.tail = tail_at(extent.valid_bytes, file_bytes);
  return extent;
}

}  // namespace bulkhead::spool
