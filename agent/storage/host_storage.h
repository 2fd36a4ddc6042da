// The block devices of this host as they are now, and the names of what domains have as volumes.
#pragma once

#include <cstdint>
#include <string>

#include "agent/probes/ownership_maps.h"
#include "agent/probes/storage_queries.h"
#include "agent/storage/block_devices.h"

namespace bulkhead::storage {

// Belongs to one thread.
class HostStorage {
 public:
  // Looks at all of the host's block devices once. `sysfs` is another folder in tests.
  explicit HostStorage(const std::string& sysfs = "/sys");

  const BlockDevices& devices() const { return devices_; }

  // A device as it is at this moment, and its Volume.identity; devices() stays as it is.
  struct Look {
    BlockDevice device;
    std::string identity;
  };
  absl::StatusOr<Look> look_at(std::uint32_t number) const;

  // Looks at this device again, or at all. True when something is not as it was.
  bool update(std::uint32_t number);
  bool rescan();

  // Volume.identity of host.proto, of the volume with this key; a file's is asked for by `path`, which must lead to it.
  std::string identity_of(const probes::FileKey& key, const std::string& path) const;

 private:
  probes::StorageQueries queries_;
  Sources sources_;
  std::string host_;  // in identities of what only this host has
  BlockDevices devices_;
};

}  // namespace bulkhead::storage
