// The provider's policy as this host goes by it: what the collector pushed, checked as anything from outside.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/config/config.h"
#include "bulkhead/v1/policy.pb.h"

namespace bulkhead::policy {

struct HostNames {
  std::string host_id;
  std::string hostname;
};

// A value. The default is that of no policy.
struct HostPolicy {
  // Both empty: there is no policy.
  std::string version;
  std::string sha256;
  std::vector<config::TenantRule> tenant_rules;
  // Those for this host. Nothing: the policy speaks of no service on any host, and the agent's own list holds.
  std::optional<std::vector<config::TrustedService>> trusted_services;
  // Absolute paths; one that ends in "/" is a directory with every file right in it.
  std::vector<std::string> base_images;
};

// kInvalidArgument names the first fault: a message beyond its limits, a tenant's key or pattern that the agent's own
// mapping could not have either, a service without file, user or operation, a base image that is no absolute path.
// Pure.
absl::StatusOr<HostPolicy> read_pushed(const v1::AgentPolicy& pushed, const HostNames& host);

// What the agent works by: the policy's word goes before the configuration's.
std::vector<config::TenantRule> tenant_rules_of(const HostPolicy& policy, const config::Config& config);
std::vector<config::TrustedService> trusted_services_of(const HostPolicy& policy, const config::Config& config);

}  // namespace bulkhead::policy
