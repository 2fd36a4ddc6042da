// Volumes that running domains had and have no more: what their VMMs still do with them is DISK-09.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "agent/inventory/model.h"
#include "agent/probes/ownership_maps.h"

namespace bulkhead::ownership {

// Belongs to one thread. What a domain had is remembered for as long as the VMM runs that had it.
class DetachedVolumes {
 public:
  // libvirt says that a disk is gone when QEMU says so; what is in flight then may take until here.
  static constexpr std::uint64_t kGraceNs = 10'000'000'000;

  // `maps` must outlive this.
  explicit DetachedVolumes(probes::OwnershipMaps& maps) : maps_(maps) {}

  // The volume is this tenant's now, by its number.
  using IsTenants = std::function<bool(const probes::FileKey& key, std::uint32_t tenant)>;

  // To be called when the volumes of this snapshot are in the kernel's map. `owners` are those of its domains, by uuid,
  // `vmms` the VMMs that run, by domain's number. `now_ns` is CLOCK_BOOTTIME.
  void apply(const inventory::Snapshot& snapshot, const std::map<std::string, probes::Owner>& owners,
             const std::map<std::uint32_t, probes::ProcessKey>& vmms, const IsTenants& is_tenants,
             std::uint64_t now_ns);

  // As the definition named it that had it last; empty for what no running domain had.
  std::string name_of(const probes::FileKey& key) const;

 private:
  struct Domain {
    probes::ProcessKey vmm;
    std::map<std::string, probes::FileKey> has;   // by source
    std::map<probes::FileKey, std::string> left;  // source
  };

  void follow(const inventory::Domain& snapshot, probes::Owner owner, const IsTenants& is_tenants, std::uint64_t now_ns,
              Domain& domain);
  void forget(std::uint32_t number, const Domain& domain);

  probes::OwnershipMaps& maps_;
  std::map<std::uint32_t, Domain> domains_;  // those with a VMM, by number
};

}  // namespace bulkhead::ownership
