// Reads the records of one segment file, past what is damaged.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "absl/status/statusor.h"
#include "agent/spool/file.h"
#include "bulkhead/v1/event.pb.h"

namespace bulkhead::spool {

struct Record {
  // first_sequence is the local one.
  v1::EventBatch batch;
  std::uint64_t last_sequence = 0;
};

// What the bytes after the last good record are.
enum class Tail {
  kNone,
  // The beginning of one record whose end was never written.
  kTorn,
  kDamaged,
};

// Not thread safe.
class SegmentReader {
 public:
  // A file whose header is damaged, or that of another segment, opens and has no records. Errors are the system's.
  static absl::StatusOr<SegmentReader> open(std::filesystem::path path, std::uint64_t first_sequence);

  // The next record that begins before `end` (bytes of the file that are written for good). Damaged bytes are skipped
  // and counted. Nothing at the end; the same call may give something once `end` has grown.
  std::optional<Record> next(std::uint64_t end);

  bool header_damaged() const { return !mark_.has_value(); }
  std::uint64_t damaged_bytes() const { return damaged_bytes_; }

  // Walks to the end and tells where the last good record ends and what comes after it. Use no next() afterwards.
  struct Extent {
    std::uint64_t valid_bytes = 0;
    // Local sequence of the last good record's last event; 0 when there is none.
    std::uint64_t last_sequence = 0;
    Tail tail = Tail::kNone;
  };
  Extent walk(std::uint64_t file_bytes);

 private:
  SegmentReader(std::filesystem::path path, FileDescriptor file, std::optional<std::uint64_t> mark);
  std::optional<Record> record_at(std::uint64_t offset, std::uint64_t end, std::uint64_t* next_offset) const;
  std::uint64_t find_mark(std::uint64_t offset, std::uint64_t end) const;
  Tail tail_at(std::uint64_t offset, std::uint64_t end) const;

  std::filesystem::path path_;
  FileDescriptor file_;
  std::optional<std::uint64_t> mark_;
  std::uint64_t offset_;
  std::uint64_t damaged_bytes_ = 0;
};

}  // namespace bulkhead::spool
