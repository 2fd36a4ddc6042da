// Alerts as OCSF Detection Findings (class_uid 2004): docs/alerts.md lists every field.
#pragma once

#include <string>

#include "bulkhead/v1/alert.pb.h"
#include "collector/store/outbox.h"

namespace bulkhead::alerts {

using store::Activity;

// One line of JSON, ASCII only, without the newline. The same alert gives the same bytes. Control characters and all
// that is not ASCII are escaped, invalid UTF-8 becomes U+FFFD, so that no string of a guest can act on a terminal or a
// parser.
std::string to_ocsf(const v1::Alert& alert, Activity activity);

}  // namespace bulkhead::alerts
