// What agents say of their hosts is kept only within these limits.
#pragma once

#include "absl/status/status.h"
#include "bulkhead/v1/ingest.pb.h"

namespace bulkhead::directory {

// kInvalidArgument names the field.
absl::Status check(const v1::Hello& hello);
absl::Status check(const v1::Health& health);
absl::Status check(const v1::Coverage& coverage);
absl::Status check(const v1::Inventory& inventory);

// A host id or boot id: 1 to limits::kHostIdBytes printable ASCII characters without spaces.
absl::Status check_id(const std::string& id, const char* field);

}  // namespace bulkhead::directory
