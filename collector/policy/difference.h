// How two policies differ in what they say, whatever the order and the layout that they are written in.
#pragma once

#include <string>
#include <vector>

#include "bulkhead/v1/policy.pb.h"

namespace bulkhead::policy {

struct Difference {
  enum class Kind { kAdded, kRemoved, kChanged };
  Kind kind = Kind::kChanged;
  // The key of the file, such as "tenants".
  std::string section;
  // Id, name or host of the entry, or the entry itself; empty for a section that has no entries.
  std::string entry;
  // For kChanged: one "key: before → after" each; a list tells what is new with "+" and what is gone with "-".
  std::vector<std::string> changes;
};

// In the order of the file's keys. Version, SHA-256 and time of validity are no difference. The order counts for
// tenants that have domain matches, where the first match decides. Pure.
std::vector<Difference> differences(const v1::Policy& before, const v1::Policy& after);

}  // namespace bulkhead::policy
