#include "net/endpoint.h"

#include <sys/un.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <charconv>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace bulkhead::net {

namespace {

constexpr char kUnixPrefix[] = "unix:";
constexpr std::size_t kHostNameBytes = 253;
constexpr std::size_t kLabelBytes = 63;

absl::Status bad(const std::string& text, const std::string& why) {
  return absl::InvalidArgumentError(
      absl::StrCat("address '", text, "': ", why, "; expected HOST:PORT, [IPV6]:PORT or unix:/PATH"));
}

// A DNS name or an IPv4 address: labels of letters, digits, '-' and '_', none empty.
bool is_host_name(const std::string& host) {
  if (host.size() > kHostNameBytes) return false;
  const std::vector<std::string> labels = absl::StrSplit(host, '.');
  return std::ranges::all_of(labels, [](const std::string& label) {
    return !label.empty() && label.size() <= kLabelBytes && label.front() != '-' &&
           std::ranges::all_of(label, [](unsigned char c) { return absl::ascii_isalnum(c) || c == '-' || c == '_'; });
  });
}

bool is_ipv6(const std::string& text) {
  boost::system::error_code error;
  boost::asio::ip::make_address_v6(text, error);
  return !error;
}

}  // namespace

std::string Endpoint::text() const {
  if (is_unix()) return kUnixPrefix + path;
  const bool brackets = host.find(':') != std::string::npos;
  return absl::StrCat(brackets ? "[" : "", host, brackets ? "]" : "", ":", port);
}

absl::StatusOr<Endpoint> parse(const std::string& text) {
  Endpoint endpoint;
  if (text.starts_with(kUnixPrefix)) {
    endpoint.path = text.substr(sizeof kUnixPrefix - 1);
    if (!endpoint.path.starts_with('/')) return bad(text, "the path of a unix socket must be absolute");
    if (endpoint.path.size() >= sizeof(sockaddr_un::sun_path)) return bad(text, "the path is too long for a socket");
    return endpoint;
  }
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return bad(text, "no port");
  endpoint.host = text.substr(0, colon);
  if (endpoint.host.starts_with('[') && endpoint.host.ends_with(']')) {
    endpoint.host = endpoint.host.substr(1, endpoint.host.size() - 2);
    if (!is_ipv6(endpoint.host)) return bad(text, "in the brackets is no IPv6 address");
  } else if (!is_host_name(endpoint.host)) {
    return bad(text, "no host name, and no IP address (IPv6 goes into brackets)");
  }
  const char* const first = text.data() + colon + 1;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(first, last, endpoint.port);
  if (error != std::errc() || end != last || first == last) return bad(text, "the port is not a number up to 65535");
  return endpoint;
}

absl::StatusOr<Endpoint> parse_peer(const std::string& text) {
  auto endpoint = parse(text);
  if (endpoint.ok() && !endpoint->is_unix() && endpoint->port == 0) return bad(text, "nobody listens on port 0");
  return endpoint;
}

bool is_local(const Endpoint& endpoint) {
  if (endpoint.is_unix() || endpoint.host == "localhost") return true;
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(endpoint.host, error);
  return !error && address.is_loopback();
}

absl::Status check_plaintext(const Endpoint& endpoint, bool allow_plaintext) {
  if (allow_plaintext || is_local(endpoint)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("address '", endpoint.text(),
                   "' is not of this machine and the connection would be plaintext; use a loopback address, a unix "
                   "socket, or --allow-plaintext"));
}

}  // namespace bulkhead::net
