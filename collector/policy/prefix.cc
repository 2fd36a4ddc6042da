#include "collector/policy/prefix.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "collector/policy/faults.h"

namespace bulkhead::policy {

namespace {

bool bit(const Prefix& prefix, unsigned index) {
  return (prefix.address[index / 8] >> (7 - index % 8) & 1) != 0;
}

Prefix cut(Prefix prefix) {
  for (unsigned i = prefix.length; i < prefix.address.size() * 8; ++i) {
    prefix.address[i / 8] &= static_cast<std::uint8_t>(~(1u << (7 - i % 8)));
  }
  return prefix;
}

bool is_mapped_ipv4(const Prefix& prefix) {
  const auto& bytes = prefix.address;
  return prefix.is_ipv6 && prefix.length >= 96 &&
         std::all_of(bytes.begin(), bytes.begin() + 10, [](std::uint8_t b) { return b == 0; }) && bytes[10] == 0xff &&
         bytes[11] == 0xff;
}

}  // namespace

bool Prefix::contains(const Prefix& other) const {
  if (is_ipv6 != other.is_ipv6 || length > other.length) return false;
  for (unsigned i = 0; i < length; ++i) {
    if (bit(*this, i) != bit(other, i)) return false;
  }
  return true;
}

std::string Prefix::text() const {
  char written[INET6_ADDRSTRLEN] = "";
  inet_ntop(is_ipv6 ? AF_INET6 : AF_INET, address.data(), written, sizeof written);
  return fmt::format("{}/{}", written, length);
}

absl::StatusOr<Prefix> parse_prefix(std::string_view text) {
  const auto invalid = [&](std::string_view why) {
    return absl::InvalidArgumentError(fmt::format("{} {}", shown(text), why));
  };
  const std::size_t slash = text.find('/');
  const std::string address(text.substr(0, slash));
  Prefix prefix;
  // inet_pton() stops at a NUL.
  if (address.find('\0') != std::string::npos) return invalid("contains a NUL");
  if (inet_pton(AF_INET, address.c_str(), prefix.address.data()) != 1) {
    prefix.is_ipv6 = inet_pton(AF_INET6, address.c_str(), prefix.address.data()) == 1;
    if (!prefix.is_ipv6) return invalid("is no IPv4 or IPv6 prefix such as 10.0.0.0/8 or 2001:db8::/32");
  }
  const unsigned longest = prefix.is_ipv6 ? 128 : 32;
  prefix.length = longest;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix.length);
    const bool spare_zero = digits.size() > 1 && digits.front() == '0';
    if (error != std::errc() || end != digits.data() + digits.size() || prefix.length > longest || spare_zero) {
      return invalid(fmt::format("has no length from 0 to {} after its '/'", longest));
    }
  }
  if (is_mapped_ipv4(prefix)) return invalid("is an IPv4 address in IPv6's clothes: write it as IPv4");
  const Prefix meant = cut(prefix);
  if (meant != prefix) return invalid(fmt::format("has bits beyond its length; {} is the prefix", meant.text()));
  return prefix;
}

}  // namespace bulkhead::policy
