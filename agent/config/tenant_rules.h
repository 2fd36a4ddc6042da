// The operator's word on who owns a domain: rules from the tenant mapping file, or written in the agent's
// configuration. docs/tenants.md is the user's description.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace bulkhead::config {

// Every condition that is set must hold; at least one is set.
struct TenantRule {
  std::optional<std::string> uuid;   // lower case, with hyphens
  std::optional<std::string> name;   // glob on the domain's name: * ? [a-z], \ takes the next character as it is
  std::optional<std::string> title;  // glob on libvirt's <title>
  std::string tenant;

  bool operator==(const TenantRule&) const = default;
};

// Reads a mapping file: a YAML list of {match: {uuid | name | title}, tenant: key}, in the order in which the rules
// are tried. InvalidArgument with "file:line:column: cause" for what is not understood, NotFound or PermissionDenied
// when the file cannot be read.
absl::StatusOr<std::vector<TenantRule>> load_tenant_rules(const std::string& path);

// The same from text; `file` names it in messages.
absl::StatusOr<std::vector<TenantRule>> parse_tenant_rules(std::string_view text, std::string_view file);

// What every rule must fulfil, wherever it comes from: a tenant's key, and at least one condition that can match. Makes
// its uuid lower case.
absl::Status check_tenant_rule(TenantRule& rule);

}  // namespace bulkhead::config
