#include <fmt/format.h>

#include <algorithm>

#include "collector/policy/prefix.h"
#include "collector/policy/unique_names.h"
#include "collector/policy/validate.h"
#include "collector/policy/value_checks.h"

namespace bulkhead::policy {

namespace {

constexpr std::size_t kPathBytes = 4095;
// A Linux device's name, without its NUL.
constexpr std::size_t kDeviceBytes = 15;

bool is_device(std::string_view name) {
  return name.size() <= kDeviceBytes &&
         std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7f && c != '/'; });
}

void validate_shared_networks(const Draft& draft, const std::set<std::string>& tenants, Faults& faults) {
  UniqueNames names("shared network", faults);
  UniqueNames bridges("bridge", faults);
  for (const NetworkDraft& network : draft.shared_networks) {
    names.add(network.name);
    if (network.bridges.empty()) faults.add(network.place, "a shared network must have at least one bridge");
    for (const Text& bridge : network.bridges) {
      bridges.add(bridge);
      if (!is_device(bridge.value)) {
        faults.add(bridge.place, fmt::format("{} is no name of a network device: at most {} visible characters, no '/'",
                                             shown(bridge.value), kDeviceBytes));
      }
    }
    check_tenants(network.tenants, tenants, faults);
  }
}

void validate_peerings(const Draft& draft, const std::set<std::string>& tenants, Faults& faults) {
  UniqueNames names("peering", faults);
  for (const PeeringDraft& peering : draft.peerings) {
    names.add(peering.name);
    check_tenants(peering.tenants, tenants, faults);
    if (peering.tenants.size() < 2) faults.add(peering.place, "a peering must have at least two tenants");
  }
}

}  // namespace

void validate_networks(const Draft& draft, const std::set<std::string>& tenants, Faults& faults) {
  validate_shared_networks(draft, tenants, faults);
  validate_peerings(draft, tenants, faults);
  UniqueNames images("base image", faults);
  for (const Text& image : draft.base_images) {
    images.add(image);
    check_path(image, kPathBytes, faults);
  }
  UniqueNames addresses("management address", faults);
  for (const Text& address : draft.management_addresses) {
    const auto prefix = parse_prefix(address.value);
    if (prefix.ok()) {
      addresses.add({prefix->text(), address.place});
    } else {
      faults.add(address.place, std::string(prefix.status().message()));
    }
  }
}

}  // namespace bulkhead::policy
