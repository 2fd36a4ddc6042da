// The collector's own events (grants, policy): a host of their own in the log, beside those of the agents.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"
#include "bulkhead/v1/event.pb.h"
#include "collector/store/event_log.h"
#include "collector/store/sequence_ledger.h"

namespace bulkhead::store {

// Thread safe. The one writer of the host limits::kCollectorHost: everything that makes such events shares one object.
class OwnEvents {
 public:
  // `log` and `ledger` outlive it and are of one store. `collector_id` takes the place of the boot id: sequences of one
  // store go on after a restart.
  static absl::StatusOr<std::unique_ptr<OwnEvents>> open(EventLog& log, SequenceLedger& ledger,
                                                         std::string collector_id);

  // Survives a power cut once this returns; gives the event's sequence. Stamps host id, boot id, sequence and
  // PROBE_COLLECTOR; everything else, the time included, is the caller's. Events are in the log in the order of the
  // calls. kInvalidArgument for an event that cannot be packed; after any error nothing of it is stored.
  absl::StatusOr<std::uint64_t> append(v1::Event event);

 private:
  OwnEvents(EventLog& log, std::string collector_id, std::uint64_t next_sequence)
      : log_(log), collector_id_(std::move(collector_id)), next_sequence_(next_sequence) {}

  EventLog& log_;
  const std::string collector_id_;
  std::mutex mutex_;
  std::uint64_t next_sequence_;
};

}  // namespace bulkhead::store
