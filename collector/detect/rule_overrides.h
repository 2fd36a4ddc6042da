// Changes of rules that are defined elsewhere. Private to this folder.
#pragma once

#include <span>
#include <string_view>

#include "collector/detect/rule_reader.h"

namespace bulkhead::detect {

struct OverrideKey {
  std::string_view name;
  bool can_append = false;
};

// The keys of an item with `override` that it may name.
std::span<const OverrideKey> rule_override_keys();
std::span<const OverrideKey> correlation_override_keys();

// Carries all of them out, in the order of the files. What is appended to a condition narrows it: the rule then wants
// the old one and the new one. An item with `override` changes rules wherever they are defined.
void apply_overrides(Definitions& definitions, Problems& problems);

}  // namespace bulkhead::detect
