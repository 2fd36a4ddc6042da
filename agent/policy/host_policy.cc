#include "agent/policy/host_policy.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "proto/batch/limits.h"
#include "text/tenancy.h"

namespace bulkhead::policy {

namespace {

constexpr std::size_t kRules = 200'000;
// Entries of the kernel's map of trusted executables.
constexpr int kServices = 256;
constexpr int kBaseImages = 10'000;
constexpr std::size_t kPathBytes = 4095;

absl::Status invalid(std::string_view what, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat(std::string(what), ": ", why));
}

absl::Status check_identity(const v1::AgentPolicy& pushed) {
  const std::string& sha256 = pushed.sha256();
  const bool hexadecimal = sha256.size() == 64 && std::ranges::all_of(sha256, [](unsigned char c) {
                             return absl::ascii_isxdigit(c) && !absl::ascii_isupper(c);
                           });
  if (!hexadecimal) return invalid("sha256", "it is not 64 lower-case hexadecimal digits");
  if (pushed.version().empty() || pushed.version().size() > limits::kStringBytes) {
    return invalid("version", "it is empty or too long");
  }
  return absl::OkStatus();
}

absl::StatusOr<config::TenantRule> read_rule(const v1::DomainMatch& match, const std::string& tenant) {
  config::TenantRule rule;
  if (!match.uuid().empty()) rule.uuid = match.uuid();
  if (!match.name().empty()) rule.name = match.name();
  if (!match.title().empty()) rule.title = match.title();
  rule.tenant = tenant;
  if (auto status = config::check_tenant_rule(rule); !status.ok()) {
    return invalid("tenants", std::string(status.message()));
  }
  return rule;
}

absl::Status check_path(const std::string& path, const char* field, const char* what) {
  const bool visible = std::ranges::none_of(path, [](unsigned char c) { return absl::ascii_iscntrl(c); });
  if (path.starts_with('/') && path.size() <= kPathBytes && visible) return absl::OkStatus();
  return invalid(field, absl::StrCat(what, " is not an absolute path"));
}

absl::StatusOr<config::TrustedService> read_service(const v1::TrustedService& pushed) {
  config::TrustedService service;
  if (auto status = check_path(pushed.executable(), "trusted_services", "an executable"); !status.ok()) return status;
  service.executable = pushed.executable();
  // The last number means "any" to the kernel side.
  if (pushed.has_uid() && pushed.uid() == 0xffffffffu) return invalid("trusted_services", "a uid is no user's");
  if (pushed.has_uid()) service.uid = pushed.uid();
  for (const int number : pushed.operations()) {
    if (number <= v1::OPERATION_UNSPECIFIED || !v1::Operation_IsValid(number)) {
      return invalid("trusted_services", absl::StrCat("operation ", number, " is not known to this agent"));
    }
    service.operations.add(static_cast<config::Operation>(number - v1::OPERATION_MEMORY_READ));
  }
  if (service.operations.empty()) return invalid("trusted_services", "a service has no operation");
  service.only_from_trusted_parent = pushed.only_from_trusted_parent();
  if (pushed.unit().size() > limits::kStringBytes) return invalid("trusted_services", "a unit's name is too long");
  service.unit = pushed.unit();
  for (const std::string& tenant : pushed.tenants()) {
    if (auto status = text::check_tenant_key(tenant); !status.ok()) {
      return invalid("trusted_services", std::string(status.message()));
    }
    service.tenants.push_back(tenant);
  }
  return service;
}

static_assert(v1::OPERATION_MEMORY_READ - 1 == static_cast<int>(config::Operation::kMemoryRead));
static_assert(v1::OPERATION_MEMORY_WRITE - 1 == static_cast<int>(config::Operation::kMemoryWrite));
static_assert(v1::OPERATION_MEMORY_DEBUG - 1 == static_cast<int>(config::Operation::kMemoryDebug));
static_assert(v1::OPERATION_VOLUME_READ - 1 == static_cast<int>(config::Operation::kVolumeRead));
static_assert(v1::OPERATION_VOLUME_WRITE - 1 == static_cast<int>(config::Operation::kVolumeWrite));

bool is_for(const v1::TrustedService& service, const HostNames& host) {
  return service.hosts().empty() || std::ranges::any_of(service.hosts(), [&](const std::string& name) {
           return name == host.host_id || (!name.empty() && name == host.hostname);
         });
}

}  // namespace

absl::StatusOr<HostPolicy> read_pushed(const v1::AgentPolicy& pushed, const HostNames& host) {
  HostPolicy policy;
  const bool none = pushed.sha256().empty() && pushed.version().empty();
  if (none && pushed.tenants().empty() && pushed.trusted_services().empty()) return policy;
  if (pushed.ByteSizeLong() > limits::kMessageBytes) return invalid("policy", "it is too large");
  if (auto status = check_identity(pushed); !status.ok()) return status;
  policy.version = pushed.version();
  policy.sha256 = pushed.sha256();
  for (const v1::PolicyTenant& tenant : pushed.tenants()) {
    for (const v1::DomainMatch& match : tenant.domains()) {
      if (policy.tenant_rules.size() >= kRules)
        return invalid("tenants", absl::StrCat("more than ", kRules, " matches"));
      auto rule = read_rule(match, tenant.id());
      if (!rule.ok()) return rule.status();
      policy.tenant_rules.push_back(*std::move(rule));
    }
  }
  if (pushed.trusted_services_size() > kServices) {
    return invalid("trusted_services", absl::StrCat("more than ", kServices, " of them"));
  }
  for (const v1::TrustedService& service : pushed.trusted_services()) {
    // Also one that is for other hosts: a policy is refused by all or by none.
    auto read = read_service(service);
    if (!read.ok()) return read.status();
    if (!policy.trusted_services) policy.trusted_services.emplace();
    if (is_for(service, host)) policy.trusted_services->push_back(*std::move(read));
  }
  if (pushed.base_images_size() > kBaseImages) {
    return invalid("base_images", absl::StrCat("more than ", kBaseImages, " of them"));
  }
  for (const std::string& path : pushed.base_images()) {
    if (auto status = check_path(path, "base_images", "a base image"); !status.ok()) return status;
    policy.base_images.push_back(path);
  }
  return policy;
}

std::vector<config::TenantRule> tenant_rules_of(const HostPolicy& policy, const config::Config& config) {
  std::vector<config::TenantRule> rules = policy.tenant_rules;
  rules.insert(rules.end(), config.tenants.rules.begin(), config.tenants.rules.end());
  return rules;
}

std::vector<config::TrustedService> trusted_services_of(const HostPolicy& policy, const config::Config& config) {
  return policy.trusted_services ? *policy.trusted_services : config.trusted_services;
}

}  // namespace bulkhead::policy
