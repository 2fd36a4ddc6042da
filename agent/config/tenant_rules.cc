#include "agent/config/tenant_rules.h"

#include <fmt/format.h>

#include "agent/config/tenant_rules_reader.h"
#include "text/tenancy.h"

namespace bulkhead::config {
namespace {

absl::Status read_glob(const YamlValue& value, std::string_view what, std::optional<std::string>& target) {
  std::string glob;
  if (auto status = read_string(value, what, glob); !status.ok()) return status;
  if (auto status = text::check_pattern(glob); !status.ok()) return error_at(value, status);
  target = std::move(glob);
  return absl::OkStatus();
}

absl::Status read_uuid(const YamlValue& value, TenantRule& rule) {
  std::string uuid;
  if (auto status = read_string(value, "match.uuid", uuid); !status.ok()) return status;
  if (auto status = text::normalize_uuid(uuid); !status.ok()) return error_at(value, status);
  rule.uuid = std::move(uuid);
  return absl::OkStatus();
}

absl::Status read_match(const YamlValue& value, TenantRule& rule) {
  static constexpr YamlKey<TenantRule> kKeys[] = {
      {"uuid", read_uuid},
      {"name", [](const YamlValue& v, TenantRule& r) { return read_glob(v, "match.name", r.name); }},
      {"title", [](const YamlValue& v, TenantRule& r) { return read_glob(v, "match.title", r.title); }},
  };
  if (auto status = read_map(value, "match", kKeys, rule); !status.ok()) return status;
  if (!rule.uuid && !rule.name && !rule.title) {
    return error_at(value, "match must have at least one of uuid, name, title");
  }
  return absl::OkStatus();
}

absl::Status read_tenant(const YamlValue& value, TenantRule& rule) {
  if (auto status = read_string(value, "tenant", rule.tenant); !status.ok()) return status;
  return error_at(value, text::check_tenant_key(rule.tenant));
}

}  // namespace

absl::Status check_tenant_rule(TenantRule& rule) {
  if (!rule.uuid && !rule.name && !rule.title) {
    return absl::InvalidArgumentError("a rule must have at least one of uuid, name, title");
  }
  if (rule.uuid) {
    if (auto status = text::normalize_uuid(*rule.uuid); !status.ok()) return status;
  }
  for (const auto* pattern : {&rule.name, &rule.title}) {
    if (!*pattern) continue;
    if (auto status = text::check_pattern(**pattern); !status.ok()) return status;
  }
  return text::check_tenant_key(rule.tenant);
}

absl::Status read_tenant_rules(const YamlValue& value, std::string_view what, std::vector<TenantRule>& target) {
  static constexpr YamlKey<TenantRule> kKeys[] = {{"match", read_match}, {"tenant", read_tenant}};
  if (auto status = expect_list(value, what); !status.ok()) return status;
  target.clear();
  for (const auto& item : value.node) {
    TenantRule rule;
    const YamlValue entry = value.with(item);
    if (auto status = read_map(entry, "a tenant rule", kKeys, rule); !status.ok()) return status;
    for (const auto& key : kKeys) {
      if (!item[std::string(key.name)].IsDefined()) {
        return error_at(entry, fmt::format("a tenant rule must have the key '{}'", key.name));
      }
    }
    target.push_back(std::move(rule));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<TenantRule>> parse_tenant_rules(std::string_view text, std::string_view file) {
  try {
    auto root = parse_yaml(text, file);
    if (!root.ok()) return root.status();
    std::vector<TenantRule> rules;
    if (root->IsNull()) return rules;
    if (auto status = read_tenant_rules({*root, file}, "", rules); !status.ok()) return status;
    return rules;
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(fmt::format("{}: {}", file, error.what()));
  }
}

absl::StatusOr<std::vector<TenantRule>> load_tenant_rules(const std::string& path) {
  auto text = read_text_file(path);
  if (!text.ok()) return text.status();
  return parse_tenant_rules(*text, path);
}

}  // namespace bulkhead::config
