#include "agent/inventory/tenant_claims.h"

#include <boost/algorithm/string/predicate.hpp>

#include "agent/inventory/xml_document.h"

namespace bulkhead::inventory {
namespace {

constexpr std::string_view kBulkhead = "urn:bulkhead:tenant:1";
constexpr std::string_view kNova[] = {"http://openstack.org/xmlns/libvirt/nova/1.1",
                                      "http://openstack.org/xmlns/libvirt/nova/1.0"};
constexpr std::string_view kKubeVirt = "http://kubevirt.io";
constexpr std::string_view kOpenNebula = "http://opennebula.org/xmlns/libvirt/1.0";

void claim(std::vector<TenantClaim>& claims, std::string_view source, std::string tenant) {
  TenantClaim found{std::string(source), std::move(tenant)};
  // A domain that says the same thing twice says it once.
  for (const TenantClaim& known : claims) {
    if (known == found) return;
  }
  claims.push_back(std::move(found));
}

void read_bulkhead(const xmlNode* metadata, std::vector<TenantClaim>& claims) {
  for_each_child(metadata, [&](const xmlNode& element) {
    if (namespace_of(element) != kBulkhead || local_name(element) != "tenant") return;
    claim(claims, "bulkhead", attribute(&element, "id").value_or(""));
  });
}

void read_nova(const xmlNode* metadata, std::vector<TenantClaim>& claims) {
  for_each_child(metadata, [&](const xmlNode& element) {
    for (const std::string_view version : kNova) {
      if (namespace_of(element) != version || local_name(element) != "instance") continue;
      const xmlNode* project = child(child(&element, version, "owner"), version, "project");
      if (auto uuid = attribute(project, "uuid")) claim(claims, "nova", *std::move(uuid));
    }
  });
}

// KubeVirt states no owner; its domains are named <namespace>_<name>, and a namespace has no '_'.
void read_kubevirt(const xmlNode* metadata, std::string_view name, std::vector<TenantClaim>& claims) {
  const std::size_t separator = name.find('_');
  if (separator == std::string_view::npos) return;
  for_each_child(metadata, [&](const xmlNode& element) {
    if (namespace_of(element) == kKubeVirt) claim(claims, "kubevirt", std::string(name.substr(0, separator)));
  });
}

void read_opennebula(const xmlNode* metadata, config::OpenNebulaOwner owner, std::vector<TenantClaim>& claims) {
  const std::string_view key = owner == config::OpenNebulaOwner::kGroup ? "gid" : "uid";
  for_each_child(metadata, [&](const xmlNode& element) {
    if (namespace_of(element) != kOpenNebula) return;
    const xmlNode* id = local_name(element) == key ? &element : child(&element, kOpenNebula, key);
    if (id != nullptr) claim(claims, "opennebula", text_of(id));
  });
}

// First element of that local name, whatever its namespace, among the children of `element` and of its "owner".
const xmlNode* cloudstack_owner(const xmlNode& element, std::string_view name) {
  const xmlNode* found = nullptr;
  const auto look_in = [&found, name](const xmlNode* parent) {
    for_each_child(parent, [&](const xmlNode& node) {
      if (found == nullptr && local_name(node) == name) found = &node;
    });
  };
  for_each_child(&element, [&](const xmlNode& node) {
    if (local_name(node) == "owner") look_in(&node);
  });
  if (found == nullptr) look_in(&element);
  return found;
}

std::string cloudstack_key(const xmlNode* owner) {
  for (const char* name : {"uuid", "id"}) {
    if (auto value = attribute(owner, name)) return *std::move(value);
  }
  return text_of(owner);
}

// Matched by local names: the namespace differs between versions. The project goes before the account that pays for it.
void read_cloudstack(const xmlNode* metadata, std::vector<TenantClaim>& claims) {
  for_each_child(metadata, [&](const xmlNode& element) {
    if (!boost::algorithm::icontains(namespace_of(element), "cloudstack")) return;
    for (const std::string_view name : {"project", "account"}) {
      const std::string key = cloudstack_key(cloudstack_owner(element, name));
      if (key.empty() || boost::algorithm::iequals(key, "unknown")) continue;
      claim(claims, "cloudstack", key);
      return;
    }
  });
}

}  // namespace

std::vector<TenantClaim> read_tenant_claims(const xmlNode* metadata, std::string_view name,
                                            config::OpenNebulaOwner opennebula) {
  std::vector<TenantClaim> claims;
  read_bulkhead(metadata, claims);
  read_nova(metadata, claims);
  read_kubevirt(metadata, name, claims);
  read_opennebula(metadata, opennebula, claims);
  read_cloudstack(metadata, claims);
  return claims;
}

}  // namespace bulkhead::inventory
