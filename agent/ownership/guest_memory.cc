#include "agent/ownership/guest_memory.h"

#include <algorithm>
#include <set>

#include "spdlog/spdlog.h"

namespace bulkhead::ownership {

std::string memory_name(const std::string& path) {
  return path.starts_with("/memfd:") ? path.substr(1) : path;
}

const probes::MemoryClaim& GuestMemory::owners(const std::vector<const probes::MemoryClaim*>& claims) const {
  const auto by_start = [](const probes::MemoryClaim* one) { return one->vmm; };
  const auto first = [&](const auto& some) -> const probes::MemoryClaim* {
    const auto found = std::ranges::min_element(
        some, [](const auto& left, const auto& right) { return left.start_ns < right.start_ns; }, by_start);
    return found == some.end() ? nullptr : *found;
  };
  const auto before = objects_.find(claims.front()->key);
  if (before != objects_.end()) {
    std::vector<const probes::MemoryClaim*> of_owner;
    std::ranges::copy_if(claims, std::back_inserter(of_owner), [&](const probes::MemoryClaim* one) {
      return one->owner.tenant == before->second.owner.tenant;
    });
    if (const probes::MemoryClaim* claim = first(of_owner)) return *claim;
  }
  return *first(claims);
}

void GuestMemory::apply(const std::vector<probes::MemoryClaim>& claims, const IsVolume& is_volume) {
  std::map<probes::FileKey, std::vector<const probes::MemoryClaim*>> by_key;
  std::map<probes::ProcessKey, std::set<probes::FileKey>> by_vmm;
  for (const probes::MemoryClaim& claim : claims) {
    if (is_volume(claim.key)) continue;
    std::set<probes::FileKey>& of_vmm = by_vmm[claim.vmm];
    if (of_vmm.size() >= kObjectsPerVmm && !of_vmm.contains(claim.key)) continue;
    of_vmm.insert(claim.key);
    by_key[claim.key].push_back(&claim);
  }
  std::map<probes::FileKey, Facts> objects;
  for (const auto& [key, of_key] : by_key) {
    const probes::MemoryClaim& owner = owners(of_key);
    if (absl::Status status = maps_.set_guest_memory(key, owner.owner); !status.ok()) {
      spdlog::error("guest memory {} is not watched: {}", owner.path, std::string(status.message()));
      continue;
    }
    objects.emplace(key, Facts{owner.owner, memory_name(owner.path)});
  }
  for (const auto& [key, facts] : objects_) {
    if (!objects.contains(key) && !is_volume(key)) maps_.remove_volume(key);
  }
  objects_ = std::move(objects);
}

std::string GuestMemory::name_of(const probes::FileKey& key) const {
  const auto object = objects_.find(key);
  return object == objects_.end() ? "" : object->second.name;
}

}  // namespace bulkhead::ownership
