#include "collector/sinks/filter.h"

namespace bulkhead::sinks {

bool Filter::wants(const v1::Alert& alert) const {
  // Not an alert but the record of what a grant covered.
  if (alert.state() == v1::ALERT_STATE_AUTHORISED) return false;
  if (alert.rule().severity() < min_severity) return false;
  if (!rules.empty() && !rules.contains(alert.rule().id())) return false;
  return tenants.empty() || tenants.contains(alert.actor_tenant()) || tenants.contains(alert.object_tenant());
}

}  // namespace bulkhead::sinks
