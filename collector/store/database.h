// RocksDB as this library uses it: column families, options, and errors that a person can act on.
#pragma once

#include <rocksdb/db.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace bulkhead::store {

inline constexpr std::uint64_t kFormatVersion = 2;

// Thread safe.
class Database {
 public:
  static absl::StatusOr<std::unique_ptr<Database>> open(const std::filesystem::path& path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  rocksdb::DB& db() { return *db_; }
  const std::filesystem::path& path() const { return path_; }

  // default: format version and totals.
  rocksdb::ColumnFamilyHandle* meta() { return meta_; }
  // index → record
  rocksdb::ColumnFamilyHandle* events() { return events_; }
  // (host, boot) → Cursor
  rocksdb::ColumnFamilyHandle* cursors() { return cursors_; }
  // (first time, uid) → alert
  rocksdb::ColumnFamilyHandle* alerts() { return alerts_; }
  // uid → first time
  rocksdb::ColumnFamilyHandle* alert_times() { return alert_times_; }
  rocksdb::ColumnFamilyHandle* table() { return table_; }
  // sink → totals of its queue
  rocksdb::ColumnFamilyHandle* sinks() { return sinks_; }
  // (sink, sequence) → alert that waits
  rocksdb::ColumnFamilyHandle* outbox() { return outbox_; }
  // (sink, uid) → sequence
  rocksdb::ColumnFamilyHandle* outbox_uids() { return outbox_uids_; }
  // (sink, number) → alert that will not be delivered
  rocksdb::ColumnFamilyHandle* dead_letters() { return dead_letters_; }

  // Nothing when the key is not there.
  absl::StatusOr<std::optional<std::string>> get(rocksdb::ColumnFamilyHandle* family, std::string_view key);
  // With `durable`, it survives a power cut once this returns. After an error of the disk, tries to make the database
  // writable again first.
  absl::Status write(rocksdb::WriteBatch& batch, bool durable);
  // `doing` is "open", "read" or "write".
  absl::Status error(const rocksdb::Status& status, const std::string& doing) const;

 private:
  explicit Database(std::filesystem::path path) : path_(std::move(path)) {}
  absl::Status make();
  absl::Status open_families();
  // Nothing when the store is so new that it has none yet.
  absl::StatusOr<std::optional<std::uint64_t>> stored_format();
  absl::Status check_format();
  // Creates what the store's format did not have yet, and writes the new version.
  absl::Status upgrade(std::uint64_t from);
  void name_handles();

  const std::filesystem::path path_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
  rocksdb::ColumnFamilyHandle* meta_ = nullptr;
  rocksdb::ColumnFamilyHandle* events_ = nullptr;
  rocksdb::ColumnFamilyHandle* cursors_ = nullptr;
  rocksdb::ColumnFamilyHandle* alerts_ = nullptr;
  rocksdb::ColumnFamilyHandle* alert_times_ = nullptr;
  rocksdb::ColumnFamilyHandle* table_ = nullptr;
  rocksdb::ColumnFamilyHandle* sinks_ = nullptr;
  rocksdb::ColumnFamilyHandle* outbox_ = nullptr;
  rocksdb::ColumnFamilyHandle* outbox_uids_ = nullptr;
  rocksdb::ColumnFamilyHandle* dead_letters_ = nullptr;
};

inline rocksdb::Slice slice(std::string_view bytes) {
  return {bytes.data(), bytes.size()};
}
inline std::string_view view(const rocksdb::Slice& bytes) {
  return {bytes.data(), bytes.size()};
}

}  // namespace bulkhead::store
