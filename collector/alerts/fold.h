// Findings into one alert. What comes out follows from the set of findings, not from their order.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "bulkhead/v1/alert.pb.h"
#include "bulkhead/v1/event.pb.h"
#include "collector/alerts/authorisation.h"
#include "collector/detect/engine.h"

namespace bulkhead::alerts {

// 32 hexadecimal digits: the first 128 bits of SHA-256 over what makes one alert (docs/alerts.md).
std::string alert_uid(const detect::Finding& finding, const v1::Event& event, const Authorisation& authorisation,
                      absl::Duration period);

// An alert that no event is in yet.
v1::Alert empty_alert(std::string uid, const detect::Finding& finding, const Authorisation& authorisation);

struct Folded {
  // Worth telling people: the first event, a higher severity, another process among the evidence, or twice as many
  // events as when that was so last.
  bool notable = false;
};

Folded fold(const detect::Finding& finding, const v1::Event& event, v1::Alert& alert);

}  // namespace bulkhead::alerts
