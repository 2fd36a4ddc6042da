#include "agent/storage/host_storage.h"

#include <fstream>
#include <utility>

#include "agent/storage/identity.h"

namespace bulkhead::storage {

namespace {

std::string machine_id() {
  std::ifstream file("/etc/machine-id");
  std::string id;
  file >> id;
  return id;
}

}  // namespace

HostStorage::HostStorage(const std::string& sysfs)
    : sources_{.sysfs = sysfs,
               .ask_kernel = [this](const std::string& folder) { return queries_.block_device(folder); },
               .mapper_type = mapper_type},
      host_(machine_id()),
      devices_(read_block_devices(sources_)) {}

absl::StatusOr<HostStorage::Look> HostStorage::look_at(std::uint32_t number) const {
  const absl::StatusOr<BlockDevice> device = read_block_device(sources_, number);
  if (!device.ok()) return device.status();
  BlockDevices named = {{number, *device}};
  // A partition is named after its disk.
  for (const std::uint32_t below : device->below) {
    if (auto other = read_block_device(sources_, below); other.ok()) named.emplace(below, *std::move(other));
  }
  return Look{.device = *device, .identity = storage::identity_of(named, number, host_)};
}

bool HostStorage::update(std::uint32_t number) {
  auto device = read_block_device(sources_, number);
  const auto before = devices_.find(number);
  if (!device.ok()) return devices_.erase(number) != 0;
  if (before != devices_.end() && before->second == *device) return false;
  devices_.insert_or_assign(number, *std::move(device));
  return true;
}

bool HostStorage::rescan() {
  BlockDevices now = read_block_devices(sources_);
  return std::exchange(devices_, std::move(now)) != devices_;
}

std::string HostStorage::identity_of(const probes::FileKey& key, const std::string& path) const {
  if (key.block_device) {
    if (devices_.contains(key.device)) return storage::identity_of(devices_, key.device, host_);
    // So new that it is not among the known ones yet.
    const absl::StatusOr<Look> look = look_at(key.device);
    return look.ok() ? look->identity : "";
  }
  const auto file_system = queries_.file_system(path);
  return file_system.ok() ? storage::identity_of(key, *file_system, host_) : "";
}

}  // namespace bulkhead::storage
