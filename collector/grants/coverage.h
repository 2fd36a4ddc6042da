// Whether a grant covers an access, and if not, in what it falls short. Pure: judged by the event's own time.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "bulkhead/v1/event.pb.h"
#include "bulkhead/v1/grant.pb.h"

namespace bulkhead::grants {

// Whether everybody who had to has approved it by then.
bool approved_at(const v1::Grant& grant, absl::Time at);

// What stands against it, a sentence each, such as "it expired at 2026-11-22T04:00:00Z". Empty: covered. The event's
// object belongs to the grant's tenant, and the grant was made before the event.
std::vector<std::string> deviations(const v1::Grant& grant, const v1::Event& event);

}  // namespace bulkhead::grants
