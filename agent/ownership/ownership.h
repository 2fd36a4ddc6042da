// Keeps the kernel's ownership maps equal to the inventory, and answers what a record's numbers and keys mean.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/config/config.h"
#include "agent/inventory/libvirt_inventory.h"
#include "agent/inventory/model.h"
#include "agent/ownership/declared_files.h"
#include "agent/ownership/detached_volumes.h"
#include "agent/ownership/endpoints.h"
#include "agent/ownership/guest_memory.h"
#include "agent/ownership/ports.h"
#include "agent/ownership/registry.h"
#include "agent/ownership/resource_claims.h"
#include "agent/ownership/starting_vmms.h"
#include "agent/ownership/trust.h"
#include "agent/ownership/volume_aliases.h"
#include "agent/ownership/volume_claims.h"
#include "agent/ownership/volumes.h"
#include "agent/probes/ownership_maps.h"
#include "agent/storage/host_storage.h"
#include "bulkhead/v1/host.pb.h"

namespace bulkhead::ownership {

struct TenantChanged {
  std::uint32_t domain_number = 0;
  std::string old_tenant;
  std::string new_tenant;
};

struct Applied {
  v1::Inventory inventory;  // what to tell the collector: with what is watched and what is not, and why
  std::vector<TenantChanged> tenant_changes;
  std::vector<ForeignClaim> foreign_claims;  // those that the snapshot before did not have
  std::vector<AliasChange> alias_changes;
  // Something that should be watched is not there yet (an image that is still being made): apply again soon.
  bool incomplete = false;
};

// Belongs to one thread.
class Ownership {
 public:
  // `maps` must outlive this. `state_dir` may be empty: then nothing is remembered across restarts.
  static absl::StatusOr<std::unique_ptr<Ownership>> create(probes::OwnershipMaps& maps, const std::string& state_dir,
                                                           std::vector<config::TrustedService> trusted_services,
                                                           std::vector<config::VmmFile> vmm_files = {});

  // Makes the maps equal to the snapshot: what is new is there before what is old goes.
  Applied apply(const inventory::Snapshot& snapshot);

  // In the place of those before: who is newly trusted is so before who is no longer goes.
  void set_trusted_services(std::vector<config::TrustedService> services);
  // Trust::allows().
  bool trusts(const probes::FileKey& executable, const TrustedAct& act) const { return trust_.allows(executable, act); }
  // Volumes::set_base_images().
  void set_base_images(const std::vector<std::string>& paths) { volumes_.set_base_images(paths); }
  // The file that a living process executes, as the kernel sees it.
  absl::StatusOr<probes::FileKey> executable_of(std::uint32_t pid) const;

  // GuestMemory::apply(), with what a sweep found after the last snapshot was applied.
  void apply_guest_memory(const std::vector<probes::MemoryClaim>& claims);
  // GuestMemory::name_of().
  std::string guest_memory(const probes::FileKey& key) const { return guest_memory_.name_of(key); }

  // Who owns the domain with this uuid; {} when the inventory has none.
  probes::Owner domain(const std::string& uuid) const;
  // Endpoints::name_of().
  std::string endpoint(const probes::EndpointKey& key) const { return endpoints_.name_of(key); }

  const Registry& registry() const { return registry_; }
  StartingVmms& starting() { return starting_; }

  // Volumes::keep_ledgers(); to be called before apply().
  void keep_ledgers(VolumeLedgers& ledgers) { volumes_.keep_ledgers(ledgers); }
  // VolumeLedgers::residue().
  Residue residue(const probes::FileKey& key) const { return volumes_.residue(key); }

  // Null for what is not owned (any more). What leads to another tenant's volume is that tenant's, whoever names it.
  const VolumeFacts* volume(const probes::FileKey& key) const {
    const VolumeFacts* alias = aliases_.find(key);
    return alias != nullptr ? alias : volumes_.find(key);
  }
  // Null for what is no alias of a volume (any more), which a volume itself is not.
  const VolumeAlias* alias(const probes::FileKey& key) const { return aliases_.alias(key); }

  const storage::HostStorage& storage() const { return storage_; }
  // A block device came, changed or went; 0: any may have. What leads to tenants' volumes now, and does no longer.
  std::vector<AliasChange> block_device_changed(std::uint32_t number);
  // DetachedVolumes::name_of().
  std::string detached_volume(const probes::FileKey& key) const { return detached_.name_of(key); }
  const PortFacts* port(const probes::PortKey& key) const { return ports_.find(key); }
  // Tenant that a MAC is assigned to on this host; empty when none or several.
  std::string tenant_of_mac(const inventory::MacAddress& mac) const { return ports_.tenant_of_mac(mac, registry_); }

  // The VMM's process takes its domain's owner, and so do processes that descend from it. Called for each VMM of a
  // snapshot and for one that just started. What it opens is judged from when it is known what its domain declares.
  void own_vmm(const probes::ProcessKey& process, probes::Owner owner,
               const std::optional<std::vector<inventory::HostFile>>& host_files);

  using Identify = std::function<inventory::VmmIdentity(std::uint32_t pid)>;

  // Asks what the VMMs of these domains may open by now: libvirt writes what it is about to plug only after the VMM has
  // opened it.
  void declare_again(const std::set<std::uint32_t>& domains, const Identify& identify);
  // DeclaredFiles::contains(), or a volume.
  bool is_declared(std::uint32_t domain, const probes::FileKey& key, bool for_writing) const {
    return volume(key) != nullptr || declared_.contains(domain, key, for_writing);
  }

  // It executed an emulator and is no domain's VMM: it and what it forked meanwhile are the host's again.
  void disown_starting(const probes::ProcessKey& process);

  // Asks `identify` about each VMM that is starting, and gives those that are settled their owner.
  void settle_starting(const Identify& identify, StartingVmms::Clock::time_point now);

 private:
  Ownership(probes::OwnershipMaps& maps, VolumeClaims claims, std::vector<config::TrustedService> trusted_services,
            std::vector<config::VmmFile> vmm_files);

  void apply_trust();
  void apply_emulators(const inventory::Snapshot& snapshot);
  bool is_before_exec(const probes::ProcessKey& process) const;
  void own_cgroup(const probes::ProcessKey& process, probes::Owner owner);
  void apply_vmm(const inventory::Domain& domain, probes::Owner owner, Applied& applied);

  probes::OwnershipMaps& maps_;
  Trust trust_;
  Registry registry_;
  StartingVmms starting_;
  std::set<probes::FileKey> emulators_;
  std::map<std::string, probes::Owner> domains_;  // by uuid
  Ports ports_;
  Endpoints endpoints_;
  DeclaredFiles declared_;
  GuestMemory guest_memory_;
  storage::HostStorage storage_;
  Volumes volumes_;
  DetachedVolumes detached_;
  VolumeAliases aliases_;
  ResourceClaims resources_;
  std::map<std::uint32_t, probes::ProcessKey> vmms_;  // by domain number
  // Of the block controller, by number: kept after the VMM's end, when its pages are still to be written.
  std::map<std::uint64_t, probes::Owner> cgroups_;
};

}  // namespace bulkhead::ownership
