// How far each boot of each host has come: the sequence expected next, how many events of each probe are stored, and
// how many its agent no longer had. Kept in the same writes as the events themselves.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "bulkhead/v1/event.pb.h"
#include "bulkhead/v1/query.pb.h"
#include "collector/store/event_log.h"

namespace bulkhead::store {

struct BootLedger {
  std::uint64_t next_sequence = 1;
  // Events that will never come: the agent said that it no longer has them.
  std::uint64_t missing = 0;
  // By probe, ascending. The statements that stand for missing events are not counted.
  std::vector<v1::StoredCount> stored;
};

// Thread safe.
class SequenceLedger {
 public:
  virtual ~SequenceLedger() = default;

  // A boot that was never heard of has an empty ledger.
  virtual absl::StatusOr<BootLedger> boot(std::string_view host_id, std::string_view boot_id) = 0;

  // Over all boots of the host.
  virtual absl::StatusOr<std::uint64_t> missing(std::string_view host_id) = 0;

  // The events from statement.first_sequence() through `last` will never come; `statement`, a batch of one loss event,
  // is stored in the place of the first one. Durable on return. What is stored already stays; a statement that begins
  // beyond the expected sequence is not taken (gap).
  virtual absl::StatusOr<AppendResult> append_missing(const v1::EventBatch& statement, std::uint64_t last) = 0;
};

}  // namespace bulkhead::store
