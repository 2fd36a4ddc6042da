// A small table of keys and values that lives in the store beside the log: what the directory remembers.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace bulkhead::store {

// Thread safe. Writes survive the end of the process at once and a power cut within seconds: nothing that is
// acknowledged to a peer may rest on this table alone.
class Table {
 public:
  virtual ~Table() = default;

  virtual absl::Status put(std::string_view key, std::string_view value) = 0;
  virtual absl::Status erase(std::string_view key) = 0;
  virtual absl::StatusOr<std::optional<std::string>> get(std::string_view key) = 0;

  // In key order; stops when `visit` returns false. Sees the table as it was at the call.
  virtual absl::Status for_each(std::string_view prefix,
                                const std::function<bool(std::string_view key, std::string_view value)>& visit) = 0;
};

}  // namespace bulkhead::store
