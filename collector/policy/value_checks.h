// Checks that several parts of a policy share. Internal to collector/policy.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "collector/policy/draft.h"
#include "collector/policy/faults.h"

namespace bulkhead::policy {

// Each is one of `known` and stands once.
void check_tenants(const std::vector<Text>& tenants, const std::set<std::string>& known, Faults& faults);

// Absolute, in its shortest form and without control characters.
void check_path(const Text& path, std::size_t longest, Faults& faults);

// "; did you mean 'x'?", or nothing: also when the errors that are told are full or a search would take too long, so
// that a file of nothing but unknown names is refused as fast as any other.
std::string did_you_mean(const std::string& name, const std::set<std::string>& known, const Faults& faults);

}  // namespace bulkhead::policy
