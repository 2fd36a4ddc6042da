// What a grant must say before it is made.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "bulkhead/v1/grant.pb.h"

namespace bulkhead::grants {

// The provider's own rules of work (policy).
struct Terms {
  absl::Duration max_duration = absl::Hours(24);
  // Approvals by people other than the one who makes it.
  std::uint32_t approvals_needed = 0;
};

// kInvalidArgument, one line that names the field: what is missing, contradicts itself, or goes beyond the terms.
absl::Status check(const v1::Grant& grant, const Terms& terms, absl::Time now);

}  // namespace bulkhead::grants
