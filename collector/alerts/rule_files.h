// Reads rule files from disk, for whoever starts detection.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/detect/rule_set.h"

namespace bulkhead::alerts {

// All *.yaml and *.yml files of a directory in the order of their names, or the one file that `path` names.
// kNotFound, kPermissionDenied or kInvalidArgument, with the path; a directory without rule files is kNotFound.
absl::StatusOr<std::vector<detect::RuleFile>> read_rule_files(const std::string& path);

// The directory of the rules that came with this program: <exe>/../share/bulkhead/rules, or else the source tree's.
std::string default_rules();

}  // namespace bulkhead::alerts
