// Block devices that are a tenant's because they are built over its volume, however deep: loop and network block
// devices, partitions, what the device mapper and RAID make. They are in the kernel's map of volumes like the volume
// itself. And what a volume lies on whole and alone: the file of a loop device, the origin below an LV with snapshots.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "agent/ownership/volumes.h"
#include "agent/probes/ownership_maps.h"
#include "agent/storage/block_devices.h"
#include "bulkhead/v1/event.pb.h"

namespace bulkhead::ownership {

struct VolumeAlias {
  probes::FileKey volume;  // that is reached; the first by key of several
  probes::Owner owner;     // kContestedNumber: volumes of several tenants are reached through it
  std::string source;      // of the volume
  // What the volume itself lies on: nobody made a way around it.
  bool below = false;
  std::string path;                 // of the device
  v1::VolumeMapping mapping;        // what it is; nothing for what is below
  std::uint64_t disk_sequence = 0;  // tells a device from a later one of its number
};

// By what the kernel knows them by.
using VolumeAliasMap = std::map<probes::FileKey, VolumeAlias>;
// Files and devices that the thread which serves a network block device has open.
using ServedFiles = std::function<std::vector<probes::FileKey>(std::uint32_t thread)>;

// Pure but for what `served` does. A device that domains name as their own is no alias, unless it leads to another
// tenant's volume.
VolumeAliasMap find_aliases(const storage::BlockDevices& devices, const std::map<probes::FileKey, VolumeFacts>& volumes,
                            const ServedFiles& served);

struct AliasChange {
  VolumeAlias alias;
  bool removed = false;
};

// Belongs to one thread.
class VolumeAliases {
 public:
  // `maps` must outlive this.
  explicit VolumeAliases(probes::OwnershipMaps& maps) : maps_(maps) {}

  // Makes the kernel's map have the aliases that there are now beside `volumes`, which it has already. What is new is
  // there before what is old goes. Returns what came and what went, without what is below volumes.
  std::vector<AliasChange> apply(const storage::BlockDevices& devices,
                                 const std::map<probes::FileKey, VolumeFacts>& volumes);

  // Null for what is none (any more).
  const VolumeFacts* find(const probes::FileKey& key) const;
  const VolumeAlias* alias(const probes::FileKey& key) const;

 private:
  std::vector<probes::FileKey> served_files(std::uint32_t thread) const;

  probes::OwnershipMaps& maps_;
  VolumeAliasMap aliases_;
  std::map<probes::FileKey, VolumeFacts> facts_;  // of the same
};

}  // namespace bulkhead::ownership
