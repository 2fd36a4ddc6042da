#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "absl/strings/numbers.h"
#include "collector/policy/operations.h"
#include "collector/policy/unique_names.h"
#include "collector/policy/validate.h"
#include "collector/policy/value_checks.h"
#include "text/nearest_name.h"

namespace bulkhead::policy {

namespace {

constexpr std::size_t kPathBytes = 4095;
// Entries of the kernel's map of trusted executables.
constexpr std::size_t kServices = 256;
constexpr std::array<std::string_view, 5> kUnitKinds = {".service", ".scope", ".socket", ".mount", ".timer"};

bool is_unit(std::string_view unit) {
  const bool kind =
      std::ranges::any_of(kUnitKinds, [&](std::string_view k) { return unit.size() > k.size() && unit.ends_with(k); });
  return kind && unit.size() <= 255 && std::ranges::all_of(unit, [](unsigned char c) {
           return std::isalnum(c) != 0 || c == ':' || c == '-' || c == '_' || c == '.' || c == '\\' || c == '@';
         });
}

bool is_uid(const std::string& text) {
  std::uint32_t uid = 0;
  // The last number means "no uid" to the kernel.
  return text == "any" || (std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }) &&
                           absl::SimpleAtoi(text, &uid) && uid != 0xffffffffu);
}

// The kernel's three permissions: a parent must have the same one.
enum class Permission { kAccessMemory, kOpenVolumes, kControlDomains };

Permission permission_of(const Text& operation) {
  const v1::Operation value = operation_of(operation.value);
  if (value <= v1::OPERATION_MEMORY_DEBUG) return Permission::kAccessMemory;
  return value <= v1::OPERATION_VOLUME_WRITE ? Permission::kOpenVolumes : Permission::kControlDomains;
}

bool shares_permission(const ServiceDraft& a, const ServiceDraft& b) {
  return std::ranges::any_of(a.operations, [&](const Text& one) {
    return std::ranges::any_of(b.operations,
                               [&](const Text& other) { return permission_of(one) == permission_of(other); });
  });
}

using Hosts = std::set<std::string_view>;

Hosts hosts_of(const ServiceDraft& service) {
  Hosts hosts;
  for (const Text& host : service.hosts) hosts.insert(host.value);
  return hosts;
}

// None named means all.
bool share_a_host(const Hosts& a, const Hosts& b) {
  if (a.empty() || b.empty()) return true;
  const Hosts& fewer = a.size() < b.size() ? a : b;
  const Hosts& more = a.size() < b.size() ? b : a;
  return std::ranges::any_of(fewer, [&](std::string_view host) { return more.contains(host); });
}

void validate_operations(const ServiceDraft& service, Faults& faults) {
  UniqueNames operations("operation", faults);
  for (const Text& operation : service.operations) {
    operations.add(operation);
    if (operation_of(operation.value) != v1::OPERATION_UNSPECIFIED) continue;
    faults.add(operation.place, fmt::format("unknown operation {}{}", shown(operation.value),
                                            text::suggestion(operation.value.substr(0, 64), operation_names())));
  }
  if (service.operations.empty()) faults.add(service.place, "a trusted service must have at least one operation");
}

void validate_one(const ServiceDraft& service, const std::set<std::string>& tenants, Faults& faults) {
  if (const Text& path = service.executable; !path.value.empty()) check_path(path, kPathBytes, faults);
  if (const Text& uid = service.uid; !uid.value.empty() && !is_uid(uid.value)) {
    faults.add(uid.place, fmt::format("uid must be a number below 4294967295, or any, not {}", shown(uid.value)));
  }
  if (service.unit && !is_unit(service.unit->value)) {
    faults.add(service.unit->place,
               fmt::format("{} is no systemd unit such as backup.service", shown(service.unit->value)));
  }
  validate_operations(service, faults);
  UniqueNames("host", faults).add_all(service.hosts);
  check_tenants(service.tenants, tenants, faults);
}

// One executable has one entry in the kernel: whether a parent is asked for cannot be both.
void find_contradictions(const Draft& draft, Faults& faults) {
  const auto& services = draft.trusted_services;
  std::vector<Hosts> hosts;
  for (const ServiceDraft& service : services) hosts.push_back(hosts_of(service));
  for (std::size_t i = 0; i < services.size(); ++i) {
    const ServiceDraft& one = services[i];
    bool has_parent = false;
    for (std::size_t j = 0; j < services.size(); ++j) {
      const ServiceDraft& other = services[j];
      if (i == j || !share_a_host(hosts[i], hosts[j])) continue;
      has_parent = has_parent || (!other.only_from_trusted_parent && shares_permission(one, other));
      if (j > i || one.executable.value.empty() || one.executable.value != other.executable.value) continue;
      if (one.only_from_trusted_parent == other.only_from_trusted_parent) continue;
      faults.add(one.place, fmt::format("{} is trusted both with and without only_from_trusted_parent, first at {}",
                                        shown(one.executable.value), to_string(other.place)));
    }
    if (!one.only_from_trusted_parent || has_parent || one.operations.empty()) continue;
    faults.add(one.place,
               "only_from_trusted_parent, but no other service of this file is trusted with such an operation without "
               "it: nothing could ever start this one");
  }
}

}  // namespace

void validate_services(const Draft& draft, const std::set<std::string>& tenants, Faults& faults) {
  UniqueNames names("trusted service", faults);
  for (const ServiceDraft& service : draft.trusted_services) {
    names.add(service.name);
    validate_one(service, tenants, faults);
  }
  if (draft.trusted_services.size() > kServices) {
    return faults.add(draft.trusted_services[kServices].place, fmt::format("more than {} trusted services", kServices));
  }
  find_contradictions(draft, faults);
}

}  // namespace bulkhead::policy
