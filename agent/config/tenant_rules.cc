#include "agent/config/tenant_rules.h"

#include <algorithm>
#include <boost/algorithm/string/predicate.hpp>
#include <boost/locale/utf.hpp>

#include <fmt/format.h>

#include "absl/strings/ascii.h"
#include "agent/config/tenant_rules_reader.h"

namespace bulkhead::config {
namespace {

constexpr std::size_t kGlobBytes = 1024;

// A glob that fnmatch() cannot understand would silently match nothing.
absl::Status check_glob(std::string_view glob) {
  if (glob.empty()) return absl::InvalidArgumentError("an empty pattern matches nothing");
  if (glob.size() > kGlobBytes) return absl::InvalidArgumentError("the pattern is longer than 1024 bytes");
  // libvirt's names and YAML's escapes could both bring a NUL; C strings end there.
  if (glob.find('\0') != std::string_view::npos) return absl::InvalidArgumentError("the pattern contains a NUL");
  return absl::OkStatus();
}

// 8-4-4-4-12 hexadecimal digits, in lower case as libvirt writes them.
absl::Status normalize_uuid(std::string& uuid) {
  absl::AsciiStrToLower(&uuid);
  constexpr std::string_view kShape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  const bool well_formed =
      uuid.size() == kShape.size() && std::equal(uuid.begin(), uuid.end(), kShape.begin(), [](char c, char shape) {
        return shape == '-' ? c == '-' : absl::ascii_isxdigit(static_cast<unsigned char>(c));
      });
  if (!well_formed) {
    return absl::InvalidArgumentError(fmt::format("'{}' is not a uuid such as {}", uuid.substr(0, 64), kShape));
  }
  return absl::OkStatus();
}

absl::Status read_glob(const YamlValue& value, std::string_view what, std::optional<std::string>& target) {
  std::string glob;
  if (auto status = read_string(value, what, glob); !status.ok()) return status;
  if (auto status = check_glob(glob); !status.ok()) return error_at(value, status);
  target = std::move(glob);
  return absl::OkStatus();
}

absl::Status read_uuid(const YamlValue& value, TenantRule& rule) {
  std::string uuid;
  if (auto status = read_string(value, "match.uuid", uuid); !status.ok()) return status;
  if (auto status = normalize_uuid(uuid); !status.ok()) return error_at(value, status);
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
  return error_at(value, check_tenant_key(rule.tenant));
}

// Control characters, and what is invisible or turns the direction of writing: two keys that look alike must be alike.
bool is_hidden(char32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x200b && code <= 0x200f) ||
         (code >= 0x202a && code <= 0x202e) || (code >= 0x2060 && code <= 0x2069) || code == 0xfeff;
}

absl::Status check_characters(std::string_view key) {
  using Utf8 = boost::locale::utf::utf_traits<char>;
  for (const char* next = key.data(); next != key.data() + key.size();) {
    const auto code = Utf8::decode(next, key.data() + key.size());
    if (!boost::locale::utf::is_valid_codepoint(code)) {
      return absl::InvalidArgumentError("a tenant's key must be UTF-8");
    }
    if (is_hidden(code)) {
      return absl::InvalidArgumentError("a tenant's key must not contain control or invisible characters");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status check_tenant_key(std::string_view key) {
  if (key.empty()) return absl::InvalidArgumentError("a tenant's key must not be empty");
  if (key.size() > kTenantKeyBytes) return absl::InvalidArgumentError("a tenant's key has at most 255 bytes");
  if (auto status = check_characters(key); !status.ok()) return status;
  if (key.front() == ' ' || key.back() == ' ') {
    return absl::InvalidArgumentError("a tenant's key must not begin or end with a space");
  }
  if (boost::algorithm::iequals(key, "host") || boost::algorithm::iequals(key, "unknown") ||
      boost::algorithm::istarts_with(key, "unknown:")) {
    return absl::InvalidArgumentError(
        fmt::format("'{}' is a word of Bulkhead's own and cannot be a tenant's key", key));
  }
  return absl::OkStatus();
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
