#pragma once

#include "collector/store/database.h"
#include "collector/store/table.h"

namespace bulkhead::store {

// Thread safe.
class RocksDbTable final : public Table {
 public:
  // `database` outlives the table.
  explicit RocksDbTable(Database& database) : database_(database) {}

  absl::Status put(std::string_view key, std::string_view value) override;
  absl::Status erase(std::string_view key) override;
  absl::StatusOr<std::optional<std::string>> get(std::string_view key) override;
  absl::Status for_each(std::string_view prefix,
                        const std::function<bool(std::string_view, std::string_view)>& visit) override;

 private:
  Database& database_;
};

}  // namespace bulkhead::store
