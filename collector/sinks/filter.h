// Which alerts a sink wants.
#pragma once

#include <set>
#include <string>

#include "bulkhead/v1/alert.pb.h"

namespace bulkhead::sinks {

struct Filter {
  // Alerts below it are not sent. One that rises to it later is sent from then on.
  v1::Severity min_severity = v1::SEVERITY_UNKNOWN;
  // Of the actor or of the object. Empty: all.
  std::set<std::string> tenants;
  // Ids. Empty: all.
  std::set<std::string> rules;

  bool wants(const v1::Alert& alert) const;
};

}  // namespace bulkhead::sinks
