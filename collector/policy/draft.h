// A policy file as it was written: shapes are checked, what it says is not yet. Internal to collector/policy.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "collector/policy/faults.h"

namespace bulkhead::policy {

// One scalar and where it stands.
struct Text {
  std::string value;
  Place place;
};

struct DomainDraft {
  Place place;
  std::optional<Text> uuid, name, title;
};

struct TenantDraft {
  Place place;
  Text id;
  Text name;
  std::vector<DomainDraft> domains;
  std::vector<Text> regions;
};

struct ServiceDraft {
  Place place;
  Text name;
  Text executable;
  Text uid;
  std::optional<Text> unit;
  std::vector<Text> operations;
  bool only_from_trusted_parent = false;
  std::vector<Text> hosts;
  std::vector<Text> tenants;
};

struct NetworkDraft {
  Place place;
  Text name;
  std::vector<Text> bridges;
  std::vector<Text> tenants;
};

struct PeeringDraft {
  Place place;
  Text name;
  std::vector<Text> tenants;
};

struct RegionDraft {
  Place place;
  Text name;
  std::vector<Text> prefixes;
};

struct DrainedHostDraft {
  Place place;
  Text host;
  std::optional<Text> until;
  Text why;
};

struct GrantsDraft {
  std::optional<Text> max_duration;
  bool two_persons = false;
};

struct Draft {
  Text version;
  std::vector<TenantDraft> tenants;
  std::vector<ServiceDraft> trusted_services;
  std::vector<NetworkDraft> shared_networks;
  std::vector<Text> base_images;
  std::vector<PeeringDraft> peerings;
  std::vector<Text> management_addresses;
  std::vector<RegionDraft> regions;
  std::vector<DrainedHostDraft> drained_hosts;
  std::optional<GrantsDraft> grants;
};

}  // namespace bulkhead::policy
