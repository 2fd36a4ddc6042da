#include "agent/ownership/trust.h"

#include <algorithm>

namespace bulkhead::ownership {

namespace {

probes::Trust trust_of(const std::vector<const config::TrustedService*>& services) {
  probes::Trust trust;
  const auto& first = *services.front();
  if (first.uid) trust.uid = *first.uid;
  trust.needs_trusted_parent = true;
  for (const config::TrustedService* service : services) {
    trust.may_open_volumes = trust.may_open_volumes || service->operations.intersects(config::kOpenVolumes);
    trust.may_access_memory = trust.may_access_memory || service->operations.intersects(config::kAccessMemory);
    trust.may_control_domains = trust.may_control_domains || service->operations.intersects(config::kControlDomains);
    trust.needs_trusted_parent = trust.needs_trusted_parent && service->only_from_trusted_parent;
    if (service->uid != first.uid) trust.uid = probes::Trust{}.uid;
  }
  return trust;
}

}  // namespace

Trust::Change Trust::refresh(const KeyOf& key_of) {
  in_force_ = services_;
  std::map<std::string, std::deque<probes::FileKey>> files;
  for (const config::TrustedService& service : in_force_) {
    const auto [entry, is_new] = files.try_emplace(service.executable);
    if (!is_new) continue;
    if (const auto before = files_.find(service.executable); before != files_.end()) entry->second = before->second;
    const auto key = key_of(service.executable);
    if (!key.ok()) continue;  // not installed here
    std::erase(entry->second, *key);
    entry->second.push_front(*key);
    if (entry->second.size() > kFilesKept) entry->second.pop_back();
  }
  files_ = std::move(files);

  std::map<probes::FileKey, Entry> entries;
  for (const config::TrustedService& service : in_force_) {
    for (const probes::FileKey& key : files_.at(service.executable)) entries[key].services.push_back(&service);
  }
  Change change;
  for (auto& [key, entry] : entries) {
    entry.kernel = trust_of(entry.services);
    change.put.emplace(key, entry.kernel);
  }
  for (const auto& [key, entry] : entries_) {
    if (!entries.contains(key)) change.remove.push_back(key);
  }
  entries_ = std::move(entries);
  return change;
}

bool Trust::allows(const probes::FileKey& executable, const TrustedAct& act) const {
  const auto entry = entries_.find(executable);
  if (entry == entries_.end()) return false;
  return std::ranges::any_of(entry->second.services, [&](const config::TrustedService* service) {
    if (!service->operations.contains(act.operations)) return false;
    if (service->uid && *service->uid != act.uid) return false;
    // The kernel asked for a trusted parent only if all services of this file do.
    if (service->only_from_trusted_parent && !entry->second.kernel.needs_trusted_parent) return false;
    if (!service->unit.empty() && !is_in_unit(act.cgroup, service->unit)) return false;
    return service->tenants.empty() || std::ranges::find(service->tenants, act.object_tenant) != service->tenants.end();
  });
}

bool is_in_unit(std::string_view cgroup, std::string_view unit) {
  if (unit.empty() || !cgroup.starts_with('/')) return false;
  while (cgroup.size() > 1) {
    cgroup.remove_prefix(1);
    const std::string_view component = cgroup.substr(0, cgroup.find('/'));
    // Slices contain units; everything below the first unit is in its own hands.
    if (!component.ends_with(".slice")) return component == unit;
    cgroup.remove_prefix(component.size());
  }
  return false;
}

}  // namespace bulkhead::ownership
