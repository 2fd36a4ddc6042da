// The segments of one boot, oldest first, and which of their events the collector has. Sequences here are local: the
// spool's own count, from 1. On the wire they are offset() higher (see Spool::meet()).
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/spool/boot_state.h"
#include "agent/spool/segment_reader.h"
#include "agent/spool/segment_writer.h"
#include "bulkhead/v1/event.pb.h"

namespace bulkhead::spool {

// Not thread safe: the spool's lock guards it.
class BootQueue {
 public:
  // Finds what is there. A half written end is cut off. `dir` exists.
  static absl::StatusOr<BootQueue> open(std::filesystem::path dir, std::string boot_id);

  const std::string& boot_id() const { return boot_id_; }
  // Local sequence that the next event gets, or would get.
  std::uint64_t next() const { return next_; }
  std::uint64_t acknowledged() const { return state_.acknowledged; }
  std::uint64_t unacknowledged() const { return next_ - 1 - state_.acknowledged; }
  std::uint64_t offset() const { return state_.offset; }
  bool met() const { return state_.met; }
  // Of all files.
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t cut_bytes() const { return cut_bytes_; }

  // Begins a new segment, for this boot's queue alone: at the start, and when roll_wanted(). Acknowledged segments
  // before it are deleted.
  absl::Status roll();
  bool roll_wanted(std::uint64_t record_bytes, std::uint64_t segment_bytes) const;
  // A roll would free space: the newest segment has events and all are acknowledged.
  bool roll_frees() const;
  // The batch begins at next().
  absl::Status append(const v1::EventBatch& batch);

  // Local. At most next() - 1. Deletes the segments that are done with.
  absl::Status acknowledge(std::uint64_t through);
  // Settles the offset for good, and writes it down before it returns.
  absl::Status settle(std::uint64_t offset, std::uint64_t acknowledged);
  absl::Status save() const;
  // Deletes the queue with its directory.
  absl::Status remove();

  // Where a sequence would be found. `sequence` is at least first_held().
  struct View {
    std::filesystem::path path;
    // What the segment may hold: [first, beyond).
    std::uint64_t first = 0;
    std::uint64_t beyond = 0;
    // Bytes of the file that are written for good.
    std::uint64_t end = 0;
  };
  View view(std::uint64_t sequence) const;
  std::uint64_t first_held() const;

  // Events [from, through] were found unreadable; returns how many of them are news.
  std::uint64_t note_damage(std::uint64_t from, std::uint64_t through);

 private:
  struct Segment {
    std::uint64_t first = 0;
    std::uint64_t bytes = 0;
  };
  BootQueue(std::filesystem::path dir, std::string boot_id) : dir_(std::move(dir)), boot_id_(std::move(boot_id)) {}
  std::filesystem::path path_of(std::uint64_t first) const;
  std::filesystem::path state_path() const { return dir_ / "state"; }
  absl::Status find_segments();
  absl::Status load_state();
  absl::Status find_end();
  absl::Status cut_end();
  absl::Status trim();

  std::filesystem::path dir_;
  std::string boot_id_;
  BootState state_;
  std::deque<Segment> segments_;
  std::optional<SegmentWriter> writer_;
  std::uint64_t next_ = 1;
  std::uint64_t bytes_ = 0;
  std::uint64_t cut_bytes_ = 0;
  std::uint64_t damage_noted_ = 0;
  // Where the newest segment's valid part ends, while its file is longer.
  std::optional<std::pair<std::filesystem::path, std::uint64_t>> cut_;
};

}  // namespace bulkhead::spool
