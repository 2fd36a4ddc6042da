// The host's block devices and what each is built on, as sysfs has them. All of it is hostile until checked: names are
// given by whoever makes a device.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/probes/ownership_maps.h"
#include "agent/probes/storage_queries.h"

namespace bulkhead::storage {

enum class DeviceKind { kDisk, kPartition, kLoop, kDeviceMapper, kNbd, kRaid };

struct BlockDevice {
  std::uint32_t number = 0;  // major << 20 | minor, as in probes::FileKey
  std::string name;          // the kernel's, such as "dm-2"
  DeviceKind kind = DeviceKind::kDisk;
  std::uint64_t disk_sequence = 0;  // of its disk; another disk of the same number has another
  std::uint64_t size = 0;           // bytes
  bool read_only = false;
  std::vector<std::uint32_t> below;  // devices that it is built on; a partition's disk
  std::uint32_t partition = 0;       // its number on that disk; 0 for what is none
  std::string wwid;                  // of a disk: as its maker named it
  std::string mapper_name;           // of a device-mapper device
  std::string mapper_uuid;
  std::string type;                            // device-mapper targets, such as "linear"; a RAID's level
  std::uint32_t nbd_pid = 0;                   // thread that serves or connects it
  std::optional<probes::BackingFile> backing;  // of a loop device
  std::string backing_path;                    // label of that

  bool operator==(const BlockDevice& other) const;
};

using BlockDevices = std::map<std::uint32_t, BlockDevice>;  // by number

// What sysfs does not say. Tests put others in.
struct Sources {
  std::string sysfs = "/sys";
  std::function<absl::StatusOr<probes::KernelBlockDevice>(const std::string& folder)> ask_kernel;
  // Target types of the device-mapper device with this number and this name.
  std::function<std::string(std::uint32_t number)> mapper_type;
};

// NotFound when there is no such device (any more).
absl::StatusOr<BlockDevice> read_block_device(const Sources& sources, std::uint32_t number);

// At most kDeviceLimit of them; those that cannot be read are left out.
inline constexpr std::size_t kDeviceLimit = 65536;
BlockDevices read_block_devices(const Sources& sources);

// From "7:3".
std::optional<std::uint32_t> parse_device_number(const std::string& text);

// A block device as probes::OwnershipMaps knows it.
probes::FileKey key_of(std::uint32_t number);

// Target types of a device-mapper device, in the order of its table, each once, joined by "+"; empty when the kernel
// does not say. Asks the device mapper for names only: a table has keys of encryption in it.
std::string mapper_type(std::uint32_t number);

}  // namespace bulkhead::storage
