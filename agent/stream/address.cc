#include <arpa/inet.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "agent/stream/stream.h"

namespace bulkhead::stream {
namespace {

// sun_path without its end.
constexpr std::size_t kSocketPathBytes = 107;

absl::Status not_valid(const std::string& address, const char* why) {
  return absl::InvalidArgumentError(absl::StrCat("collector address '", address, "' is not valid: ", why,
                                                 "; give HOST:PORT, [V6]:PORT or unix:/PATH"));
}

bool is_port(std::string_view text) {
  if (text.empty() || text.size() > 5 || text.find_first_not_of("0123456789") != std::string_view::npos) return false;
  const int port = std::stoi(std::string(text));
  return port >= 1 && port <= 65535;
}

bool is_host_name(std::string_view text) {
  return !text.empty() && text.size() <= 253 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.';
  });
}

}  // namespace

absl::StatusOr<bool> is_local(const std::string& address) {
  if (address.starts_with("unix:")) {
    const std::string_view path = std::string_view(address).substr(5);
    if (!path.starts_with('/')) return not_valid(address, "the socket's path is not absolute");
    if (path.size() > kSocketPathBytes) return not_valid(address, "the socket's path is longer than 107 bytes");
    return true;
  }
  const auto colon = address.rfind(':');
  if (colon == std::string::npos) return not_valid(address, "the port is missing");
  if (!is_port(std::string_view(address).substr(colon + 1))) return not_valid(address, "the port is not 1 to 65535");
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    in6_addr v6{};
    if (::inet_pton(AF_INET6, host.c_str(), &v6) != 1) return not_valid(address, "that is no IPv6 address");
    return std::equal(std::begin(v6.s6_addr), std::end(v6.s6_addr), std::begin(in6addr_loopback.s6_addr));
  }
  if (!is_host_name(host)) return not_valid(address, "that is no host name");
  if (host == "localhost") return true;
  in_addr v4{};
  return ::inet_pton(AF_INET, host.c_str(), &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127;
}

}  // namespace bulkhead::stream
