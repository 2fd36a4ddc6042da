#include "agent/config/value_checks.h"

#include <algorithm>
#include <bit>
#include <boost/asio/ip/address_v6.hpp>

#include <fmt/format.h>

#include <charconv>

#include "absl/strings/ascii.h"
#include "proto/batch/limits.h"

namespace bulkhead::config {
namespace {

constexpr std::size_t kUnixPathBytes = 107;  // sockaddr_un, without the NUL
constexpr std::size_t kPathBytes = 4095;
constexpr std::size_t kHostNameBytes = 253;

absl::Status invalid(std::string_view value, std::string_view why) {
  return absl::InvalidArgumentError(fmt::format("'{}' {}", value.substr(0, 128), why));
}

bool is_visible(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isgraph(static_cast<unsigned char>(c)); });
}

// A DNS name or an IPv4 address: labels of letters, digits, '-' and '_', none empty.
bool is_host_name(std::string_view host) {
  if (host.empty() || host.size() > kHostNameBytes) return false;
  for (std::string_view rest = host; !rest.empty();) {
    const std::size_t dot = rest.find('.');
    const std::string_view label = rest.substr(0, dot);
    if (dot + 1 == rest.size()) return false;
    rest = dot == std::string_view::npos ? std::string_view() : rest.substr(dot + 1);
    const bool letters = std::all_of(label.begin(), label.end(), [](char c) {
      return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
    });
    if (label.empty() || label.size() > 63 || !letters || label.front() == '-') return false;
  }
  return true;
}

bool is_ipv6(std::string_view text) {
  boost::system::error_code error;
  boost::asio::ip::make_address_v6(std::string(text), error);
  return !error;
}

}  // namespace

absl::Status check_collector(std::string_view address) {
  constexpr std::string_view kShape = "is not host:port, [v6 address]:port or unix:/path";
  if (address.starts_with("unix:")) {
    const std::string_view path = address.substr(5);
    if (!path.starts_with("/") || path.size() > kUnixPathBytes || !is_visible(path)) {
      return invalid(address, "is not a unix socket's address: unix: and an absolute path of at most 107 bytes");
    }
    return absl::OkStatus();
  }
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return invalid(address, fmt::format("{}: the port is missing", kShape));
  const std::string_view host = address.substr(0, colon), port = address.substr(colon + 1);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (!(bracketed ? is_ipv6(host.substr(1, host.size() - 2)) : is_host_name(host))) return invalid(address, kShape);
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size() || number == 0 || number > 65535) {
    return invalid(address, fmt::format("{}: a port is a number from 1 to 65535", kShape));
  }
  return absl::OkStatus();
}

absl::Status check_absolute_path(std::string_view path) {
  if (!path.starts_with("/")) return invalid(path, "is not an absolute path");
  if (path.size() > kPathBytes) return invalid(path, "is longer than the 4095 bytes that the kernel takes");
  if (std::any_of(path.begin(), path.end(),
                  [](char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); })) {
    return absl::InvalidArgumentError("the path contains a control character");
  }
  return absl::OkStatus();
}

absl::Status check_host_id(std::string_view id) {
  const bool letters = std::all_of(id.begin(), id.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
  });
  if (id.empty() || id.size() > limits::kHostIdBytes || !letters) {
    return invalid(id, fmt::format("is not 1 to {} letters, digits, '-', '_' or '.'", limits::kHostIdBytes));
  }
  if (id == limits::kCollectorHost) return invalid(id, "is the collector's own");
  return absl::OkStatus();
}

absl::Status check_libvirt_uri(std::string_view uri) {
  const std::size_t separator = uri.find("://");
  const std::string_view scheme = uri.substr(0, separator);
  const bool letters = std::all_of(scheme.begin(), scheme.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '+' || c == '-' || c == '.';
  });
  if (separator == std::string_view::npos || separator == 0 || !letters || uri.size() > kPathBytes ||
      !is_visible(uri)) {
    return invalid(uri, "is not a libvirt address such as qemu:///system");
  }
  return absl::OkStatus();
}

absl::Status check_ring_kib(std::uint64_t kib) {
  if (kib < 4 || kib > (1u << 20) || !std::has_single_bit(kib)) {
    return absl::InvalidArgumentError(fmt::format("{} is not a power of two from 4 to 1048576", kib));
  }
  return absl::OkStatus();
}

absl::Status check_spool_mib(std::uint64_t mib) {
  if (mib < 8 || mib > (1u << 20)) {
    return absl::InvalidArgumentError(fmt::format("{} is not a number from 8 to 1048576", mib));
  }
  return absl::OkStatus();
}

absl::Status check_health_interval(std::chrono::milliseconds interval) {
  if (interval < std::chrono::milliseconds(100) || interval > std::chrono::minutes(10)) {
    return absl::InvalidArgumentError("health_interval must be from 100ms to 10m");
  }
  return absl::OkStatus();
}

absl::Status check_tenants(const Tenants& tenants) {
  if (!tenants.file.empty() && !tenants.rules.empty()) {
    return absl::InvalidArgumentError("tenants has both file and rules: which comes first would be a guess; keep one");
  }
  return absl::OkStatus();
}

absl::Status check_trusted_service(const TrustedService& service) {
  if (auto status = check_absolute_path(service.executable); !status.ok()) return status;
  if (service.operations.empty()) {
    return absl::InvalidArgumentError(fmt::format("trusted service {} has no operation", service.executable));
  }
  return absl::OkStatus();
}

}  // namespace bulkhead::config
