#include "agent/storage/identity.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace bulkhead::storage {

namespace {

std::string device_text(std::uint32_t number) {
  return absl::StrCat(number >> 20, ":", number & ((1u << 20) - 1));
}

// A name of nothing but blanks names nothing: disks' makers leave such.
std::string named(const char* kind, const std::string& id) {
  const auto first = id.find_first_not_of(' ');
  if (first == std::string::npos) return "";
  return absl::StrCat(kind, id.substr(first, id.find_last_not_of(' ') - first + 1));
}

}  // namespace

std::string uuid_text(const probes::FileSystemUuid& uuid) {
  std::string text;
  for (std::size_t i = 0; i < uuid.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    absl::StrAppend(&text, absl::Hex(uuid[i], absl::kZeroPad2));
  }
  return text;
}

std::string identity_of(const probes::FileKey& file, const probes::FileSystemUuid& file_system,
                        const std::string& host) {
  const bool has_uuid = std::ranges::any_of(file_system, [](std::uint8_t byte) { return byte != 0; });
  return absl::StrCat("file:", has_uuid ? uuid_text(file_system) : absl::StrCat(host, "/", device_text(file.device)),
                      ":", file.inode, ":", file.generation);
}

namespace {

std::string of_loop(const BlockDevice& device, const std::string& host) {
  if (!device.backing || device.backing->key.block_device) return "";
  const probes::BackingFile& backing = *device.backing;
  const std::string whole = identity_of(backing.key, backing.file_system, host);
  if (backing.offset == 0 && backing.limit == 0) return whole;
  return absl::StrCat(whole, "@", backing.offset, "+", device.size);
}

}  // namespace

std::string identity_of(const BlockDevices& devices, std::uint32_t number, const std::string& host) {
  const auto found = devices.find(number);
  if (found == devices.end()) return "";
  const BlockDevice& device = found->second;
  switch (device.kind) {
    case DeviceKind::kDeviceMapper:
      return named("dm:", device.mapper_uuid);
    case DeviceKind::kLoop:
      return of_loop(device, host);
    case DeviceKind::kPartition: {
      // A disk is no partition, so this ends.
      const auto disk = device.below.empty() ? devices.end() : devices.find(device.below.front());
      if (disk == devices.end() || disk->second.kind == DeviceKind::kPartition) return "";
      const std::string whole = identity_of(devices, disk->first, host);
      return whole.empty() ? "" : absl::StrCat(whole, "-part", device.partition);
    }
    case DeviceKind::kDisk:
    case DeviceKind::kRaid:
      return named("wwid:", device.wwid);
    case DeviceKind::kNbd:
      return "";
  }
  return "";
}

}  // namespace bulkhead::storage
