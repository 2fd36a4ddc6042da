// What a single value may be. The same checks serve the file's parser, which adds the line, and the command line's
// values. Internal to agent/config.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "agent/config/config.h"

namespace bulkhead::config {

// In the order of enum class LogLevel.
inline constexpr std::array<std::string_view, 5> kLogLevels = {"trace", "debug", "info", "warning", "error"};

// "host:port", "[v6]:port" or "unix:/path".
absl::Status check_collector(std::string_view address);
// "host:port", or "off".
absl::Status check_http(std::string_view address);
absl::Status check_absolute_path(std::string_view path);
absl::Status check_host_id(std::string_view id);
absl::Status check_libvirt_uri(std::string_view uri);
absl::Status check_ring_kib(std::uint64_t kib);
absl::Status check_spool_mib(std::uint64_t mib);
absl::Status check_sweep_interval(std::chrono::milliseconds interval);
absl::Status check_health_interval(std::chrono::milliseconds interval);
absl::Status check_self_check_interval(std::chrono::milliseconds interval);
absl::Status check_tenants(const Tenants& tenants);
absl::Status check_trusted_service(const TrustedService& service);

}  // namespace bulkhead::config
