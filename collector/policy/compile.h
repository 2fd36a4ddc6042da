// A valid draft as the policy that it says. Internal to collector/policy.
#pragma once

#include "bulkhead/v1/policy.pb.h"
#include "collector/policy/draft.h"

namespace bulkhead::policy {

// Without sha256 and valid_from. The draft has passed validate().
v1::Policy compile(const Draft& draft);

}  // namespace bulkhead::policy
