#include "agent/ownership/detached_volumes.h"

#include <utility>

#include "spdlog/spdlog.h"

namespace bulkhead::ownership {

void DetachedVolumes::forget(std::uint32_t number, const Domain& domain) {
  for (const auto& [key, source] : domain.left) maps_.remove_detached(key, number);
}

void DetachedVolumes::follow(const inventory::Domain& snapshot, probes::Owner owner, const IsTenants& is_tenants,
                             std::uint64_t now_ns, Domain& domain) {
  std::map<std::string, probes::FileKey> has;
  std::map<probes::FileKey, std::string> keys;
  for (const inventory::Volume& volume : snapshot.volumes) {
    const auto before = domain.has.find(volume.source);
    const auto key = maps_.file_key(volume.source);
    // A name that leads nowhere at the moment stands for what it stood for.
    if (!key.ok() && before == domain.has.end()) continue;
    const probes::FileKey& one = key.ok() ? *key : before->second;
    keys.emplace(one, volume.source);
    if (is_tenants(one, owner.tenant)) has.emplace(volume.source, one);
  }
  for (const auto& [source, key] : domain.has) {
    if (keys.contains(key) || domain.left.contains(key)) continue;
    if (absl::Status status = maps_.set_detached(key, owner.domain, now_ns + kGraceNs); !status.ok()) {
      spdlog::error("the use of {} after its detach is not watched: {}", source, std::string(status.message()));
      continue;
    }
    domain.left.emplace(key, source);
  }
  std::erase_if(domain.left, [&](const auto& left) {
    if (!keys.contains(left.first)) return false;
    maps_.remove_detached(left.first, owner.domain);
    return true;
  });
  domain.has = std::move(has);
}

void DetachedVolumes::apply(const inventory::Snapshot& snapshot, const std::map<std::string, probes::Owner>& owners,
                            const std::map<std::uint32_t, probes::ProcessKey>& vmms, const IsTenants& is_tenants,
                            std::uint64_t now_ns) {
  std::erase_if(domains_, [&](const auto& known) {
    const auto vmm = vmms.find(known.first);
    if (vmm != vmms.end() && vmm->second == known.second.vmm) return false;
    forget(known.first, known.second);
    return true;
  });
  for (const inventory::Domain& one : snapshot.domains) {
    const probes::Owner owner = owners.at(one.uuid);
    const auto vmm = vmms.find(owner.domain);
    if (vmm == vmms.end()) continue;
    Domain& domain =
        domains_.try_emplace(owner.domain, Domain{.vmm = vmm->second, .has = {}, .left = {}}).first->second;
    follow(one, owner, is_tenants, now_ns, domain);
  }
}

std::string DetachedVolumes::name_of(const probes::FileKey& key) const {
  for (const auto& [number, domain] : domains_) {
    if (const auto left = domain.left.find(key); left != domain.left.end()) return left->second;
  }
  return "";
}

}  // namespace bulkhead::ownership
