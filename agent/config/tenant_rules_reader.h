// The YAML side of tenant_rules.h, for the configuration's inline list. Internal to agent/config.
#pragma once

#include <vector>

#include "agent/config/tenant_rules.h"
#include "agent/config/yaml_reader.h"

namespace bulkhead::config {

absl::Status read_tenant_rules(const YamlValue& value, std::string_view what, std::vector<TenantRule>& target);

}  // namespace bulkhead::config
