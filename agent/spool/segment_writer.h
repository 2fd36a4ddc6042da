// Appends records to one segment file.
#pragma once

#include <cstdint>
#include <filesystem>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/spool/file.h"
#include "bulkhead/v1/event.pb.h"

namespace bulkhead::spool {

// Not thread safe.
class SegmentWriter {
 public:
  // Makes the file anew.
  static absl::StatusOr<SegmentWriter> create(std::filesystem::path path, std::uint64_t first_sequence);

  // What append() will add to the file.
  static std::uint64_t record_bytes(const v1::EventBatch& batch);

  // The batch's first_sequence is a local one. After an error the file is as it was before; when that could not be had,
  // broken() is true and nothing more may be appended here.
  absl::Status append(const v1::EventBatch& batch);

  // Valid bytes of the file.
  std::uint64_t bytes() const { return bytes_; }
  bool broken() const { return broken_; }

 private:
  SegmentWriter(std::filesystem::path path, FileDescriptor file, std::uint64_t mark);

  std::filesystem::path path_;
  FileDescriptor file_;
  std::uint64_t mark_;
  std::uint64_t bytes_;
  bool broken_ = false;
};

}  // namespace bulkhead::spool
