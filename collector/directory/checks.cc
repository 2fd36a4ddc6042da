#include "collector/directory/checks.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "proto/batch/limits.h"

namespace bulkhead::directory {

namespace {

constexpr int kProbes = 256;
constexpr int kRulesPerProbe = 64;
constexpr int kSpooledBoots = 64;
constexpr int kDomains = 20'000;
constexpr int kDevicesPerDomain = 1'024;
// Twice what an agent follows: what a definition states comes besides.
constexpr int kImagesPerChain = 512;

absl::Status check_count(int count, int limit, const char* field) {
  if (count <= limit) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", count, " of them, at most ", limit, " are accepted"));
}

template <typename... Strings>
absl::Status check_strings(const char* field, const Strings&... strings) {
  const std::size_t longest = std::max({strings.size()...});
  if (longest <= limits::kStringBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": a string of ", longest, " bytes, at most ", limits::kStringBytes, " are accepted"));
}

absl::Status check(const v1::ProbeCoverage& probe) {
  if (auto status = check_strings("coverage", probe.name(), probe.mechanism(), probe.reason(), probe.limits());
      !status.ok()) {
    return status;
  }
  for (const auto& rule : probe.covers()) {
    if (auto status = check_strings("coverage.covers", rule); !status.ok()) return status;
  }
  return check_count(probe.covers_size(), kRulesPerProbe, "coverage.covers");
}

absl::Status check(const v1::Domain& domain) {
  if (auto status = check_count(domain.volumes_size(), kDevicesPerDomain, "inventory.volumes"); !status.ok()) {
    return status;
  }
  if (auto status = check_count(domain.ports_size(), kDevicesPerDomain, "inventory.ports"); !status.ok()) return status;
  if (auto status =
          check_strings("inventory.domains", domain.uuid(), domain.name(), domain.tenant(), domain.tenant_source());
      !status.ok()) {
    return status;
  }
  for (const auto& volume : domain.volumes()) {
    if (auto status = check_strings("inventory.volumes", volume.source(), volume.type(), volume.target(),
                                    volume.reason(), volume.format(), volume.identity());
        !status.ok()) {
      return status;
    }
    if (auto status = check_count(volume.chain_size(), kImagesPerChain, "inventory.volumes.chain"); !status.ok()) {
      return status;
    }
    for (const auto& image : volume.chain()) {
      if (auto status =
              check_strings("inventory.volumes.chain", image.source(), image.format(), image.role(), image.reason());
          !status.ok()) {
        return status;
      }
    }
  }
  for (const auto& port : domain.ports()) {
    if (auto status = check_strings("inventory.ports", port.device(), port.mac(), port.bridge(), port.reason());
        !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status check_id(const std::string& id, const char* field) {
  if (id.empty()) return absl::InvalidArgumentError(absl::StrCat(field, " is empty"));
  if (id.size() > limits::kHostIdBytes) {
    return absl::InvalidArgumentError(absl::StrCat(field, " is longer than ", limits::kHostIdBytes, " bytes"));
  }
  if (!std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c < '\x7f'; })) {
    return absl::InvalidArgumentError(absl::StrCat(field, " has characters other than printable ASCII"));
  }
  return absl::OkStatus();
}

absl::Status check(const v1::Hello& hello) {
  if (auto status = check_id(hello.host_id(), "hello.host_id"); !status.ok()) return status;
  if (hello.host_id() == limits::kCollectorHost) {
    return absl::InvalidArgumentError(
        absl::StrCat("hello.host_id: '", limits::kCollectorHost, "' is the collector's own; set another host_id"));
  }
  if (auto status = check_id(hello.boot_id(), "hello.boot_id"); !status.ok()) return status;
  if (auto status = check_count(hello.spooled_boot_ids_size(), kSpooledBoots, "hello.spooled_boot_ids"); !status.ok()) {
    return status;
  }
  for (const auto& boot : hello.spooled_boot_ids()) {
    if (auto status = check_id(boot, "hello.spooled_boot_ids"); !status.ok()) return status;
  }
  if (auto status =
          check_strings("hello", hello.hostname(), hello.agent_version(), hello.kernel_release(), hello.run_id());
      !status.ok()) {
    return status;
  }
  return check(hello.coverage());
}

absl::Status check(const v1::Health& health) {
  if (auto status = check_count(health.counters_size(), kProbes, "health.counters"); !status.ok()) return status;
  return check_strings("health", health.inventory_error(), health.policy_sha256());
}

absl::Status check(const v1::Coverage& coverage) {
  if (auto status = check_count(coverage.probes_size(), kProbes, "coverage.probes"); !status.ok()) return status;
  for (const auto& probe : coverage.probes()) {
    if (auto status = check(probe); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status check(const v1::Inventory& inventory) {
  if (auto status = check_count(inventory.domains_size(), kDomains, "inventory.domains"); !status.ok()) return status;
  for (const auto& domain : inventory.domains()) {
    if (auto status = check(domain); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace bulkhead::directory
