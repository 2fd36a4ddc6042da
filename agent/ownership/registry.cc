#include "agent/ownership/registry.h"

namespace bulkhead::ownership {

probes::Owner Registry::assign(const inventory::Domain& domain) {
  const auto [tenant, new_tenant] = tenant_numbers_.try_emplace(domain.tenant, next_tenant_);
  if (new_tenant) tenants_.emplace(next_tenant_++, domain.tenant);

  const auto [number, new_domain] = domain_numbers_.try_emplace(domain.uuid, next_domain_);
  if (new_domain) ++next_domain_;
  DomainFacts& facts = domains_[number->second];
  facts.uuid = domain.uuid;
  facts.name = domain.name;
  facts.tenant = domain.tenant;
  facts.emulator = domain.emulator;
  return {.tenant = tenant->second, .domain = number->second};
}

void Registry::set_vmm(std::uint32_t domain_number, const probes::ProcessKey& vmm) {
  const auto domain = domains_.find(domain_number);
  if (domain != domains_.end()) domain->second.vmm = vmm;
}

void Registry::retire(const std::string& uuid) {
  const auto number = domain_numbers_.find(uuid);
  if (number == domain_numbers_.end()) return;
  retired_.push_back(number->second);
  domain_numbers_.erase(number);
  if (retired_.size() > kRetiredKept) {
    domains_.erase(retired_.front());
    retired_.pop_front();
  }
}

const std::string& Registry::tenant(std::uint32_t number) const {
  static const std::string host = kHostTenant;
  static const std::string contested = "contested";
  static const std::string unknown = "unknown";
  if (number == probes::kHostNumber) return host;
  if (number == probes::kContestedNumber) return contested;
  const auto tenant = tenants_.find(number);
  return tenant == tenants_.end() ? unknown : tenant->second;
}

const DomainFacts* Registry::domain(std::uint32_t number) const {
  const auto domain = domains_.find(number);
  return domain == domains_.end() ? nullptr : &domain->second;
}

}  // namespace bulkhead::ownership
