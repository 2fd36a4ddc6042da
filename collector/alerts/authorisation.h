// Whether someone who may do so allowed what a finding is about.
#pragma once

#include <functional>
#include <string>

#include "bulkhead/v1/event.pb.h"

namespace bulkhead::alerts {

struct Authorisation {
  // The customer's grant that covers the access, or the one that it exceeded; empty for neither.
  std::string grant_id = {};
  // How it exceeded that grant, such as "expired at 2026-11-22T04:00:00Z"; empty when the grant covers it.
  std::string deviation = {};
  // What of the policy allows it, such as "peering backbone"; empty for nothing.
  std::string allowed_by = {};

  bool allowed() const { return !allowed_by.empty() || (!grant_id.empty() && deviation.empty()); }
};

// Asked for every event with findings, from the detection stage's thread. Must answer by the event's own time, never by
// the clock, so that replay hears the same.
using Authoriser = std::function<Authorisation(const v1::Event&)>;

}  // namespace bulkhead::alerts
