// What a draft says: every value on its own, and whether it contradicts itself. Internal to collector/policy.
#pragma once

#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "collector/policy/draft.h"
#include "collector/policy/faults.h"

namespace bulkhead::policy {

// Each fault is told at the place of what has to change; where two places contradict each other, at the later one, and
// it names the earlier one. Values that lack because they could not be read are passed over: their fault is told.
void validate(const Draft& draft, Faults& faults);

// Parts of it.
void validate_services(const Draft& draft, const std::set<std::string>& tenants, Faults& faults);
void validate_networks(const Draft& draft, const std::set<std::string>& tenants, Faults& faults);

// "90m", "8h", "1h30m", "7d". kInvalidArgument for anything else, and for what is not more than 0.
absl::StatusOr<absl::Duration> parse_duration(const std::string& text);
// RFC 3339 from 1970 on.
absl::StatusOr<absl::Time> parse_time(const std::string& text);

}  // namespace bulkhead::policy
