// What names tenants and domains: the same checks in what an operator writes for either program and in what one sends
// to the other. docs/tenants.md is the user's description.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace bulkhead::text {

// Longest tenant key, in bytes.
inline constexpr std::size_t kTenantKeyBytes = 255;

// Why `key` cannot be a tenant's key, or OK. A key is 1 to 255 bytes of UTF-8 without control characters and without
// space around it. "host", "unknown", and what starts with "unknown:" (in any case of letters) are Bulkhead's own
// words: nobody may claim them.
absl::Status check_tenant_key(std::string_view key);

// Why `pattern` cannot be one on a domain's name or title, or OK: a pattern that fnmatch() cannot understand would
// silently match nothing.
absl::Status check_pattern(std::string_view pattern);

// 8-4-4-4-12 hexadecimal digits; makes them lower case, as libvirt writes them.
absl::Status normalize_uuid(std::string& uuid);

}  // namespace bulkhead::text
