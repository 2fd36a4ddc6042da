// Whose the objects of guest memory are that other processes could have, too: memfds, files of /dev/shm and of
// hugetlbfs, and others that a VMM has mapped as only guest memory is. One that VMMs of two tenants have belongs to the
// VMM that was first, so that who joins it becomes no owner.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "agent/probes/host_sweep.h"
#include "agent/probes/ownership_maps.h"

namespace bulkhead::ownership {

// Belongs to one thread.
class GuestMemory {
 public:
  using IsVolume = std::function<bool(const probes::FileKey& key)>;

  // `maps` must outlive this.
  explicit GuestMemory(probes::OwnershipMaps& maps) : maps_(maps) {}

  // Makes the kernel's map equal to what a sweep found: what is new is there before what is old goes. A volume stays a
  // volume. Of one VMM at most kObjectsPerVmm count, so that one that has gone bad cannot fill the map.
  void apply(const std::vector<probes::MemoryClaim>& claims, const IsVolume& is_volume);

  // "/dev/shm/guest-1", or "memfd:NAME" for one that has no folder; empty for what is none (any more).
  std::string name_of(const probes::FileKey& key) const;

 private:
  static constexpr std::size_t kObjectsPerVmm = 64;

  struct Facts {
    probes::Owner owner;
    std::string name;
  };
  // Of the claims on one object.
  const probes::MemoryClaim& owners(const std::vector<const probes::MemoryClaim*>& claims) const;

  probes::OwnershipMaps& maps_;
  std::map<probes::FileKey, Facts> objects_;
};

// From the path as the kernel has it.
std::string memory_name(const std::string& path);

}  // namespace bulkhead::ownership
