#include "text/tenancy.h"

#include <algorithm>
#include <boost/algorithm/string/predicate.hpp>
#include <boost/locale/utf.hpp>

#include <fmt/format.h>

#include "absl/strings/ascii.h"

namespace bulkhead::text {
namespace {

constexpr std::size_t kPatternBytes = 1024;

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

absl::Status check_pattern(std::string_view pattern) {
  if (pattern.empty()) return absl::InvalidArgumentError("an empty pattern matches nothing");
  if (pattern.size() > kPatternBytes) return absl::InvalidArgumentError("the pattern is longer than 1024 bytes");
  // libvirt's names and YAML's escapes could both bring a NUL; C strings end there.
  if (pattern.find('\0') != std::string_view::npos) return absl::InvalidArgumentError("the pattern contains a NUL");
  return absl::OkStatus();
}

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

}  // namespace bulkhead::text
