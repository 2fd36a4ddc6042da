// Flat events into the packed shape that travels and is stored, and back (proto/bulkhead/v1/event.proto).
//
// What comes out of pack() is accepted by unpack(), and unpack(pack(events)) gives the same events, except that
// - text that is not UTF-8 has U+FFFD in place of each bad byte;
// - labels (paths, commands, domain names, cgroups) longer than limits::kStringBytes are cut there;
// - an actor or object whose fields are all empty comes back unset; an unset time as 1970.
//
// All functions are pure; a Packer belongs to one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bulkhead/v1/event.pb.h"

namespace bulkhead::batch {

// Fills one batch, event by event. The batch's identity is given here; that of the events is ignored.
class Packer {
 public:
  Packer(std::string host_id, std::string boot_id, std::uint64_t first_sequence);
  ~Packer();

  enum class Added {
    kYes,
    // The batch has no room for it: finish() this one and begin another.
    kFull,
  };
  // kInvalidArgument when the event can never be packed: an identity longer than limits::kStringBytes, a time before
  // 1970 or past 2262, a MAC that has not 6 bytes, …. The packer is as it was before.
  absl::StatusOr<Added> add(v1::Event event);

  std::size_t size() const;
  // Ends the use of this packer.
  v1::EventBatch finish();

 private:
  class Tables;
  std::unique_ptr<Tables> tables_;
};

// Events must be of one host and boot and have consecutive sequences. As many batches as are needed.
absl::StatusOr<std::vector<v1::EventBatch>> pack(std::span<const v1::Event> events);

// Everything that unpack() relies on, and everything in proto/batch/limits.h. kInvalidArgument names the first fault.
absl::Status validate(const v1::EventBatch& batch);

absl::StatusOr<std::vector<v1::Event>> unpack(const v1::EventBatch& batch);

// From the wire, with limits::kBatchBytes checked before anything is parsed. Not validated beyond that.
absl::StatusOr<v1::EventBatch> parse(std::string_view bytes);

// The events from `sequence` on, of a batch that validate() accepts. The whole batch when it begins there or later;
// without events (and so no longer valid) when it ends before. Table entries that nothing refers to any more stay.
v1::EventBatch slice_from(v1::EventBatch batch, std::uint64_t sequence);

// Of a valid batch.
inline std::uint64_t last_sequence(const v1::EventBatch& batch) {
  return batch.first_sequence() + static_cast<std::uint64_t>(batch.events_size()) - 1;
}

}  // namespace bulkhead::batch
