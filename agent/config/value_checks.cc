#include "agent/config/value_checks.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "absl/strings/ascii.h"
#include "net/endpoint.h"
#include "proto/batch/limits.h"

namespace bulkhead::config {
namespace {

constexpr std::size_t kPathBytes = 4095;

absl::Status invalid(std::string_view value, std::string_view why) {
  return absl::InvalidArgumentError(fmt::format("'{}' {}", value.substr(0, 128), why));
}

bool is_visible(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isgraph(static_cast<unsigned char>(c)); });
}

}  // namespace

absl::Status check_collector(std::string_view address) {
  return net::parse_peer(std::string(address)).status();
}

absl::Status check_http(std::string_view address) {
  if (address == "off") return absl::OkStatus();
  const auto endpoint = net::parse(std::string(address));
  if (!endpoint.ok())
    return absl::InvalidArgumentError(fmt::format("{}, or 'off'", std::string(endpoint.status().message())));
  return endpoint->is_unix() ? invalid(address, "is a unix socket; expected HOST:PORT or 'off'") : absl::OkStatus();
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

absl::Status check_sweep_interval(std::chrono::milliseconds interval) {
  if (interval == std::chrono::milliseconds::zero()) return absl::OkStatus();
  if (interval < std::chrono::seconds(1) || interval > std::chrono::hours(1)) {
    return absl::InvalidArgumentError("sweep.interval must be from 1s to 1h, or off");
  }
  return absl::OkStatus();
}

absl::Status check_health_interval(std::chrono::milliseconds interval) {
  if (interval < std::chrono::milliseconds(100) || interval > std::chrono::minutes(10)) {
    return absl::InvalidArgumentError("health_interval must be from 100ms to 10m");
  }
  return absl::OkStatus();
}

absl::Status check_self_check_interval(std::chrono::milliseconds interval) {
  if (interval < std::chrono::seconds(1) || interval > std::chrono::minutes(60)) {
    return absl::InvalidArgumentError("self_check_interval must be from 1s to 60m");
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
