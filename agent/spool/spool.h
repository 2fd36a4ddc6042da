// The agent's disk queue: events go in, get their sequence numbers, and stay until the collector has them. The files
// are described in docs/spool-format.md.
//
// Sequences begin at 1 for each boot of the host and go on when the agent restarts. They are settled only once a
// collector was met (meet()): until then the spool cannot know that an earlier spool, now lost, did not send events of
// this boot already.
//
// Durability: what append() accepted survives the end of the process (page cache), not a power cut. What is damaged on
// disk is never passed over silently: it comes out of read() as a gap and is counted.
//
// Thread safe. read() does its file reads under a lock of its own, so a reader never holds back append().
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/spool/clock.h"
#include "bulkhead/v1/event.pb.h"
#include "bulkhead/v1/ingest.pb.h"

namespace bulkhead::spool {

struct Options {
  // Made when it is missing, with mode 0700. One agent at a time: a second one is refused.
  std::filesystem::path dir;
  // 1 to 128 bytes. A directory that belongs to another host (a cloned disk) is refused.
  std::string host_id;
  // 1 to 64 letters, digits and "-._": it names a directory.
  std::string boot_id;
  // Of all files together. New events are refused beyond it. At least 1 MiB.
  std::uint64_t max_bytes = 1ull << 30;
  // Disk space is given back a whole segment at a time, and at most this much is searched to find an event. Smaller:
  // more files. Never more than an eighth of max_bytes.
  std::uint64_t segment_bytes = 8ull << 20;
  Clock clock = now;
};

struct Statistics {
  // Since this spool was opened, by probe: given a sequence and written; refused, because the spool was full, the disk
  // failed or the event was not valid.
  std::map<v1::Probe, std::uint64_t> spooled;
  std::map<v1::Probe, std::uint64_t> dropped;
  std::uint64_t dropped_events = 0;
  // Found unreadable since this spool was opened, by sequence; an upper bound where the file does not tell.
  std::uint64_t damaged_events = 0;
  // Cut off the ends of files that a crash left half written, when this spool was opened.
  std::uint64_t cut_bytes = 0;
  // Of all files.
  std::uint64_t bytes = 0;
  // Of this boot; 0 when there is none.
  std::uint64_t spooled_through = 0;
  std::uint64_t acknowledged_through = 0;
  // Of all boots.
  std::uint64_t unacknowledged_events = 0;
  // Why the last append failed, until one succeeds: "spool DIR is full: …".
  std::string error;
};

// What comes next on the way to the collector: a batch, or the statement that these events are gone.
struct Item {
  std::variant<v1::EventBatch, v1::SequenceGap> content;
  // Both ends belong to it.
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
};

class Spool {
 public:
  // One line that names the directory and the way out: kPermissionDenied (not writable), kFailedPrecondition (in use,
  // another host's, or of a newer version), kInvalidArgument (options), kInternal (the disk's own words).
  static absl::StatusOr<std::unique_ptr<Spool>> open(Options options);
  ~Spool();

  // host_id, boot_id and sequence of the events are set here, whatever they were. kResourceExhausted when the spool is
  // full, kInternal when the disk fails, kInvalidArgument when an event cannot be packed: the events concerned are
  // dropped, counted, and stated by a Loss event (place SPOOL) as soon as there is room; the others are in.
  absl::Status append(std::vector<v1::Event> events);

  // Boots that the spool has unacknowledged events of, oldest first. This boot is always the last one.
  std::vector<std::string> boots() const;

  // A collector was met that expects `next_sequence` of this boot. Settles the sequences: what it has is acknowledged;
  // if it has more than this spool ever numbered, then an earlier spool was lost, and what is unsent gets the numbers
  // from next_sequence on. Written to disk before it returns. kInvalidArgument for a boot that is not here or a
  // sequence of 0 or past 2^62.
  absl::Status meet(const std::string& boot_id, std::uint64_t next_sequence);

  // The item that begins at or contains `sequence`. When the spool holds later events but not that one, the gap
  // between. Nothing when there is nothing from `sequence` on. A batch may begin before `sequence`. An error is the
  // disk's.
  absl::StatusOr<std::optional<Item>> read(const std::string& boot_id, std::uint64_t sequence);

  // The collector has everything through this sequence. Whole segments that are acknowledged are deleted, and so are
  // earlier boots when all of theirs is. kInvalidArgument beyond what was spooled.
  absl::Status acknowledge(const std::string& boot_id, std::uint64_t through_sequence);

  // Called after each append that made something readable, from the appending thread, without a lock held. At most one.
  void set_listener(std::function<void()> listener);

  Statistics statistics() const;

 private:
  class Implementation;
  explicit Spool(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace bulkhead::spool
