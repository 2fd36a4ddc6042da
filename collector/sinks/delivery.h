// What a sink is given.
#pragma once

#include <string>
#include <string_view>

#include "bulkhead/v1/alert.pb.h"
#include "collector/alerts/ocsf.h"

namespace bulkhead::sinks {

using alerts::Activity;

// "create", "update", "close".
std::string_view activity_name(Activity activity);

struct Delivery {
  // Outlives the delivery.
  const v1::Alert* alert = nullptr;
  Activity activity = Activity::kCreate;
  // The same whenever the same is delivered again, also after a restart: delivery_id().
  std::string id;
};

// 32 hexadecimal digits: the first 128 bits of SHA-256 over the alert's uid, the activity, the number of events, and
// the severity, state and time of the last change by a person, each field after its length. The latter three tell apart
// what happens to an alert without a new event.
std::string delivery_id(const v1::Alert& alert, Activity activity);

}  // namespace bulkhead::sinks
