// The embedded store: one RocksDB database in <data dir>/store, and a lock on the data directory.
//
// The write-ahead log is synced before an append returns. doc: docs/store-format.md.
#pragma once

#include <filesystem>
#include <memory>

#include "absl/status/statusor.h"
#include "collector/store/alert_store.h"
#include "collector/store/event_log.h"
#include "collector/store/outbox.h"
#include "collector/store/sequence_ledger.h"
#include "collector/store/table.h"

namespace bulkhead::store {

// Thread safe. What log(), ledger(), alerts(), outbox() and table() return lives as long as the store.
class Store {
 public:
  // Creates the directory (mode 0700) when it is not there. Errors name the path and the way out:
  //   kFailedPrecondition  in use by another collector, owned by another user, not a directory, or of a newer format
  //   kPermissionDenied    the directory cannot be written
  //   kDataLoss            the database is damaged
  static absl::StatusOr<std::unique_ptr<Store>> open(const std::filesystem::path& data_dir, OutboxLimits limits = {});

  virtual ~Store() = default;

  virtual EventLog& log() = 0;
  virtual SequenceLedger& ledger() = 0;
  virtual AlertStore& alerts() = 0;
  virtual Outbox& outbox() = 0;
  virtual Table& table() = 0;
};

}  // namespace bulkhead::store
