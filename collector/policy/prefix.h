// IPv4 and IPv6 prefixes.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace bulkhead::policy {

// Ordered so that a prefix comes right before those that it contains.
struct Prefix {
  bool is_ipv6 = false;
  // Network byte order; IPv4 in the first four. Bits beyond the length are 0.
  std::array<std::uint8_t, 16> address{};
  // In bits: at most 32, or 128.
  unsigned length = 0;

  auto operator<=>(const Prefix&) const = default;

  // Also itself.
  bool contains(const Prefix& other) const;
  // As it is written, always with its length.
  std::string text() const;
};

// "10.0.0.0/8", "2001:db8::/32", or one address. kInvalidArgument says what is wrong and, for an address with bits
// beyond its length, what was probably meant.
absl::StatusOr<Prefix> parse_prefix(std::string_view text);

}  // namespace bulkhead::policy
