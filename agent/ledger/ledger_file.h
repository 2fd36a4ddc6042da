// The ledgers' file in the agent's state directory: whole, or an error.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bulkhead/v1/agent_state.pb.h"

namespace bulkhead::ledger {

// Nothing for a file that is not there. DataLoss for one that is damaged: what it knew of residual data would be
// forgotten silently.
absl::StatusOr<v1::LedgerBook> read_ledgers(const std::string& file);

// Replaces the file in one step, synced.
absl::Status write_ledgers(const std::string& file, const v1::LedgerBook& book);

}  // namespace bulkhead::ledger
