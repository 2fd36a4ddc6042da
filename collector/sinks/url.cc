#include "collector/sinks/url.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace bulkhead::sinks {
namespace {

constexpr std::uint16_t kHttp = 80;
constexpr std::uint16_t kHttps = 443;

absl::Status bad(const std::string& text, std::string_view why) {
  return absl::InvalidArgumentError(fmt::format("'{}' {}", text.substr(0, 200), why));
}

bool host_is_good(std::string_view host) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:";
  return !host.empty() && host.size() <= 253 && host.find_first_not_of(kAllowed) == std::string_view::npos;
}

}  // namespace

std::string Url::authority() const {
  const bool v6 = host.find(':') != std::string::npos;
  std::string text = v6 ? fmt::format("[{}]", host) : host;
  if (port != (tls ? kHttps : kHttp)) text += fmt::format(":{}", port);
  return text;
}

std::string Url::text() const {
  return fmt::format("{}://{}{}", tls ? "https" : "http", authority(), target.substr(0, target.find('?')));
}

absl::StatusOr<Url> parse_url(const std::string& text) {
  const auto hostile = [](unsigned char byte) { return byte <= 0x20 || byte >= 0x7f; };
  if (std::ranges::any_of(text, hostile)) return bad("", "must be printable ASCII without blanks");
  Url url;
  std::string_view rest = text;
  if (rest.starts_with("https://")) {
    url.tls = true;
  } else if (!rest.starts_with("http://")) {
    return bad(text, "must begin with http:// or https://");
  }
  rest.remove_prefix(url.tls ? 8 : 7);
  if (rest.find('#') != std::string_view::npos) return bad(text, "must have no fragment (#…)");
  const std::size_t slash = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, slash);
  url.target = rest.substr(slash);
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  if (authority.find('@') != std::string_view::npos) {
    return bad("the URL", "must have no user or password: use username and password_file");
  }
  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return bad(text, "has no ']' after its address");
    url.host = authority.substr(1, close - 1);
    port = authority.substr(close + 1);
  } else {
    const std::size_t colon = std::min(authority.find(':'), authority.size());
    url.host = authority.substr(0, colon);
    port = authority.substr(colon);
  }
  if (!host_is_good(url.host)) return bad(text, "has no good host name");
  url.port = url.tls ? kHttps : kHttp;
  if (port.empty()) return url;
  port.remove_prefix(1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
  if (error != std::errc() || end != port.data() + port.size() || url.port == 0) return bad(text, "has a bad port");
  return url;
}

}  // namespace bulkhead::sinks
