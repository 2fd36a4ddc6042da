// YAML to a draft: keys and shapes. Internal to collector/policy.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collector/policy/draft.h"
#include "collector/policy/faults.h"

namespace bulkhead::policy {

// `text` is one YAML document. What is not understood is a fault; what could be read is in the draft all the same.
Draft read_draft(const std::string& text, Faults& faults);

// Every key, sections with a dot ("tenants.id"), in the order of the documentation.
std::vector<std::string> key_names();

}  // namespace bulkhead::policy
