// What the agent can see now, held against what it said before: SENS-04.
#pragma once

#include <vector>

#include "bulkhead/v1/agent_state.pb.h"
#include "bulkhead/v1/event.pb.h"

namespace bulkhead::guard {

// One for each hook that is there no more or is new, or for a probe whose mechanism is of another tier, where its hooks
// are not compared. Hooks in libvirt's own code come and go with libvirt: they count as lost only where libvirt runs
// and its library was found. Pure.
std::vector<v1::CoverageChange> compare(const v1::LastRun& before, const v1::LastRun& now);

}  // namespace bulkhead::guard
