#include "collector/store/rocksdb_store.h"

#include "collector/store/data_dir.h"
#include "collector/store/rocksdb_alert_store.h"
#include "collector/store/rocksdb_event_log.h"
#include "collector/store/rocksdb_outbox.h"
#include "collector/store/rocksdb_table.h"

namespace bulkhead::store {

namespace {

class RocksDbStore final : public Store {
 public:
  RocksDbStore(DataDir directory, std::unique_ptr<Database> database, std::unique_ptr<RocksDbEventLog> log,
               std::unique_ptr<RocksDbOutbox> outbox, std::unique_ptr<RocksDbAlertStore> alerts)
      : directory_(std::move(directory)),
        database_(std::move(database)),
        log_(std::move(log)),
        outbox_(std::move(outbox)),
        alerts_(std::move(alerts)),
        table_(*database_) {}

  EventLog& log() override { return *log_; }
  SequenceLedger& ledger() override { return *log_; }
  AlertStore& alerts() override { return *alerts_; }
  Outbox& outbox() override { return *outbox_; }
  Table& table() override { return table_; }

 private:
  // In the order of their lives: the lock is given back when the database is closed.
  const DataDir directory_;
  const std::unique_ptr<Database> database_;
  const std::unique_ptr<RocksDbEventLog> log_;
  const std::unique_ptr<RocksDbOutbox> outbox_;
  const std::unique_ptr<RocksDbAlertStore> alerts_;
  RocksDbTable table_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> Store::open(const std::filesystem::path& data_dir, OutboxLimits limits) {
  auto directory = DataDir::acquire(data_dir);
  if (!directory.ok()) return directory.status();
  auto database = Database::open(data_dir / "store");
  if (!database.ok()) return database.status();
  auto log = RocksDbEventLog::open(**database);
  if (!log.ok()) return log.status();
  auto outbox = RocksDbOutbox::open(**database, limits);
  if (!outbox.ok()) return outbox.status();
  auto alerts = RocksDbAlertStore::open(**database, **outbox);
  if (!alerts.ok()) return alerts.status();
  return std::make_unique<RocksDbStore>(*std::move(directory), *std::move(database), *std::move(log),
                                        *std::move(outbox), *std::move(alerts));
}

}  // namespace bulkhead::store
