// YAML files that people write: each is one document.
#pragma once

#include <yaml-cpp/mark.h>

#include <optional>
#include <string>

namespace bulkhead::text {

// Where a second document begins; nothing when there is none. Throws YAML::Exception for what is no YAML.
//
// YAML::Load() ignores what follows the first document, and YAML::LoadAll() of yaml-cpp 0.7 never ends on some of what
// is no YAML: its parser gives one empty document after the other without reading on (found by fuzzing).
std::optional<YAML::Mark> second_document(const std::string& text);

}  // namespace bulkhead::text
