#include "collector/endpoint/endpoint.h"

#include <sys/un.h>

#include <boost/asio/ip/address.hpp>
#include <charconv>

#include "absl/strings/str_cat.h"

namespace bulkhead::endpoint {

namespace {

constexpr char kUnixPrefix[] = "unix:";

absl::Status bad(const std::string& text, const std::string& why) {
  return absl::InvalidArgumentError(
      absl::StrCat("address '", text, "': ", why, "; expected HOST:PORT, [IPV6]:PORT or unix:/PATH"));
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
  const bool brackets = endpoint.host.starts_with('[') && endpoint.host.ends_with(']');
  if (brackets) endpoint.host = endpoint.host.substr(1, endpoint.host.size() - 2);
  if (endpoint.host.empty()) return bad(text, "no host");
  if (!brackets && endpoint.host.find(':') != std::string::npos) return bad(text, "an IPv6 address needs brackets");
  const char* const first = text.data() + colon + 1;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(first, last, endpoint.port);
  if (error != std::errc() || end != last || first == last) return bad(text, "the port is not a number up to 65535");
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

}  // namespace bulkhead::endpoint
