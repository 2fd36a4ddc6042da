// `bulkheadctl rules`: the rule language and rule files, without a collector.
#pragma once

#include "absl/status/statusor.h"
#include "collector/ctl/arguments.h"
#include "collector/ctl/commands.h"

namespace bulkhead::ctl {

// False when a check found errors or a test failed: both are said in the output. kInvalidArgument for files that cannot
// be read, with the path.
absl::StatusOr<bool> show_rules(const Arguments& arguments, const Output& output);

}  // namespace bulkhead::ctl
