// What `bulkhead-agent probes` and `inventory` print.
#pragma once

#include <ostream>

#include "absl/status/status.h"
#include "bulkhead/v1/host.pb.h"

namespace bulkhead::report {

// Aligned columns; what is missing comes with its reason. Control characters in names are shown as '?'.
void print_table(const v1::Coverage& coverage, std::ostream& out);
void print_table(const v1::Inventory& inventory, std::ostream& out);

// One probe or domain a line, protobuf's JSON names.
absl::Status print_json(const v1::Coverage& coverage, std::ostream& out);
absl::Status print_json(const v1::Inventory& inventory, std::ostream& out);

}  // namespace bulkhead::report
