#include "agent/inventory/tenant_mapping.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include "absl/strings/ascii.h"
#include "text/tenancy.h"

namespace bulkhead::inventory {
namespace {

bool glob_matches(const std::string& glob, const std::string& text) {
  return ::fnmatch(glob.c_str(), text.c_str(), 0) == 0;
}

bool rule_matches(const config::TenantRule& rule, const DomainXml& domain) {
  if (rule.uuid && *rule.uuid != domain.domain.uuid) return false;
  if (rule.name && !glob_matches(*rule.name, domain.domain.name)) return false;
  if (rule.title && !glob_matches(*rule.title, domain.title)) return false;
  return rule.uuid || rule.name || rule.title;
}

bool says_nothing(const TenantClaim& claim) {
  return claim.tenant.empty() || (claim.source == "cloudstack" && absl::AsciiStrToLower(claim.tenant) == "unknown");
}

// Shown in a log: short, and without what could forge a line or drive a terminal.
std::string printable(const std::string& text) {
  std::string shown;
  for (const char c : text.substr(0, 64)) shown.push_back(absl::ascii_isprint(static_cast<unsigned char>(c)) ? c : '?');
  return shown;
}

TenantVerdict unknown(const DomainXml& domain, std::string warning) {
  return {.tenant = "unknown:" + domain.domain.uuid, .source = "none", .warning = std::move(warning)};
}

}  // namespace

TenantVerdict decide_tenant(const DomainXml& domain, const std::vector<config::TenantRule>& rules) {
  for (const config::TenantRule& rule : rules) {
    if (rule_matches(rule, domain)) return {.tenant = rule.tenant, .source = "mapping", .warning = ""};
  }
  const TenantClaim* chosen = nullptr;
  std::string warning;
  for (const TenantClaim& claim : domain.claims) {
    if (says_nothing(claim)) continue;
    if (chosen == nullptr) {
      chosen = &claim;
    } else if (claim.source == chosen->source) {
      return unknown(domain, fmt::format("its {} metadata names two tenants, '{}' and '{}'", claim.source,
                                         printable(chosen->tenant), printable(claim.tenant)));
    } else if (claim.tenant != chosen->tenant && warning.empty()) {
      warning = fmt::format("its metadata names tenant '{}' by {} and '{}' by {}; the first counts",
                            printable(chosen->tenant), chosen->source, printable(claim.tenant), claim.source);
    }
  }
  if (chosen == nullptr) return unknown(domain, "");
  if (auto status = text::check_tenant_key(chosen->tenant); !status.ok()) {
    return unknown(domain, fmt::format("its {} metadata: {}", chosen->source, std::string(status.message())));
  }
  return {.tenant = chosen->tenant, .source = chosen->source, .warning = std::move(warning)};
}

}  // namespace bulkhead::inventory
