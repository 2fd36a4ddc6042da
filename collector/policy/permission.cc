#include "collector/policy/permission.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "text/tenancy.h"

namespace bulkhead::policy {

namespace {

using Names = google::protobuf::RepeatedPtrField<std::string>;

bool is_among(const std::string& name, const Names& names) {
  return std::ranges::find(names, name) != names.end();
}

// Whose the frame is by each of its witnesses.
std::array<const std::string*, 3> tenants_of(const v1::Event& event) {
  const std::string& by_mac = event.frame_delivery().source_mac_tenant();
  return {&event.actor().tenant(), &event.object().tenant(), by_mac.empty() ? &event.actor().tenant() : &by_mac};
}

bool all_among(const v1::Event& event, const Names& names) {
  return std::ranges::all_of(tenants_of(event), [&](const std::string* tenant) { return is_among(*tenant, names); });
}

// Bulkhead's own words, such as those for a domain of unknown tenant, are no tenant that anyone invited.
bool all_known(const v1::Event& event) {
  return std::ranges::all_of(tenants_of(event),
                             [](const std::string* tenant) { return text::check_tenant_key(*tenant).ok(); });
}

}  // namespace

std::optional<std::string> permission(const v1::Policy& policy, const v1::Event& event, const BridgeOf& bridge_of) {
  if (!event.has_frame_delivery()) return std::nullopt;
  for (const v1::Peering& peering : policy.peerings()) {
    if (all_among(event, peering.tenants())) return absl::StrCat("peering ", peering.name());
  }
  if (policy.shared_networks().empty()) return std::nullopt;
  const auto source = bridge_of(event.host_id(), event.frame_delivery().source_port());
  const auto destination = bridge_of(event.host_id(), event.frame_delivery().destination_port());
  if (!source || !destination) return std::nullopt;
  for (const v1::SharedNetwork& network : policy.shared_networks()) {
    if (!is_among(*source, network.bridges()) || !is_among(*destination, network.bridges())) continue;
    const bool invited = network.tenants().empty() ? all_known(event) : all_among(event, network.tenants());
    if (invited) return absl::StrCat("shared network ", network.name());
  }
  return std::nullopt;
}

}  // namespace bulkhead::policy
