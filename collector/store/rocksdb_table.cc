#include "collector/store/rocksdb_table.h"

#include <rocksdb/write_batch.h>

namespace bulkhead::store {

absl::Status RocksDbTable::put(std::string_view key, std::string_view value) {
  rocksdb::WriteBatch batch;
  batch.Put(database_.table(), slice(key), slice(value));
  return database_.write(batch, false);
}

absl::Status RocksDbTable::erase(std::string_view key) {
  rocksdb::WriteBatch batch;
  batch.Delete(database_.table(), slice(key));
  return database_.write(batch, false);
}

absl::StatusOr<std::optional<std::string>> RocksDbTable::get(std::string_view key) {
  return database_.get(database_.table(), key);
}

absl::Status RocksDbTable::for_each(std::string_view prefix,
                                    const std::function<bool(std::string_view, std::string_view)>& visit) {
  const std::unique_ptr<rocksdb::Iterator> at(database_.db().NewIterator(rocksdb::ReadOptions(), database_.table()));
  for (at->Seek(slice(prefix)); at->Valid() && at->key().starts_with(slice(prefix)); at->Next()) {
    if (!visit(view(at->key()), view(at->value()))) return absl::OkStatus();
  }
  return at->status().ok() ? absl::OkStatus() : database_.error(at->status(), "read");
}

}  // namespace bulkhead::store
