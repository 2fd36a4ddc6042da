#include "agent/ownership/volume_aliases.h"

#include <filesystem>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "spdlog/spdlog.h"

namespace bulkhead::ownership {

namespace {

using storage::BlockDevice;
using storage::DeviceKind;
using Reached = std::set<probes::FileKey>;

constexpr std::size_t kDescriptorLimit = 1024;

v1::VolumeMappingKind kind_of(DeviceKind kind) {
  switch (kind) {
    case DeviceKind::kLoop:
      return v1::VOLUME_MAPPING_KIND_LOOP;
    case DeviceKind::kDeviceMapper:
      return v1::VOLUME_MAPPING_KIND_DEVICE_MAPPER;
    case DeviceKind::kNbd:
      return v1::VOLUME_MAPPING_KIND_NBD;
    case DeviceKind::kPartition:
      return v1::VOLUME_MAPPING_KIND_PARTITION;
    case DeviceKind::kRaid:
    case DeviceKind::kDisk:
      return v1::VOLUME_MAPPING_KIND_RAID;
  }
  return v1::VOLUME_MAPPING_KIND_UNSPECIFIED;
}

v1::VolumeMapping describe(const BlockDevice& device) {
  v1::VolumeMapping mapping;
  mapping.set_kind(kind_of(device.kind));
  mapping.set_name(device.name);
  mapping.set_type(device.type);
  mapping.set_device(device.number);
  mapping.set_read_only(device.read_only);
  return mapping;
}

// Follows what devices are built on down to volumes.
class Search {
 public:
  Search(const storage::BlockDevices& devices, const std::map<probes::FileKey, VolumeFacts>& volumes,
         const ServedFiles& served)
      : devices_(devices), volumes_(volumes), served_(served) {
    for (const auto& [number, device] : devices_) {
      const probes::FileKey key = storage::key_of(number);
      if (volumes_.contains(key)) lay_down(device, key);
    }
  }

  const std::map<probes::FileKey, probes::FileKey>& below() const { return below_; }

  // Volumes that this device leads to, itself among them if it is one.
  const Reached& reached(std::uint32_t number) {
    const auto known = reached_.find(number);
    if (known != reached_.end()) return known->second;
    reached_[number];  // a circle, which the kernel does not make, ends here
    Reached found;
    const probes::FileKey key = storage::key_of(number);
    add(key, found);
    if (const auto device = devices_.find(number); device != devices_.end()) {
      for (const std::uint32_t lower : device->second.below) found.merge(Reached(reached(lower)));
      if (device->second.backing) add_file(device->second.backing->key, found);
      if (device->second.nbd_pid != 0) {
        for (const probes::FileKey& file : served_(device->second.nbd_pid)) {
          if (file != key) add_file(file, found);
        }
      }
    }
    return reached_[number] = std::move(found);
  }

 private:
  // A volume's own ground, where nothing else lies on it: of a loop device its file, and of an LV with snapshots the
  // device that these share with it.
  void lay_down(const BlockDevice& device, const probes::FileKey& volume) {
    std::optional<probes::FileKey> ground;
    if (device.backing) ground = device.backing->key;
    if (device.type == "snapshot-origin" && device.below.size() == 1) ground = storage::key_of(device.below.front());
    if (!ground || volumes_.contains(*ground)) return;
    const auto [entry, is_new] = below_.emplace(*ground, volume);
    if (is_new || nobodys_.contains(*ground)) return;
    // Several volumes lie on it: of one tenant, or nobody's.
    if (volumes_.at(entry->second).owner.tenant == volumes_.at(volume).owner.tenant) return;
    nobodys_.insert(*ground);
    below_.erase(entry);
  }

  void add(const probes::FileKey& key, Reached& found) const {
    if (volumes_.contains(key)) found.insert(key);
    if (const auto ground = below_.find(key); ground != below_.end()) found.insert(ground->second);
  }

  void add_file(const probes::FileKey& key, Reached& found) {
    if (key.block_device) {
      found.merge(Reached(reached(key.device)));
    } else {
      add(key, found);
    }
  }

  const storage::BlockDevices& devices_;
  const std::map<probes::FileKey, VolumeFacts>& volumes_;
  const ServedFiles& served_;
  std::map<probes::FileKey, probes::FileKey> below_;  // volume by its ground
  std::set<probes::FileKey> nobodys_;
  std::map<std::uint32_t, Reached> reached_;
};

VolumeAlias alias_of(const Reached& reached, const std::map<probes::FileKey, VolumeFacts>& volumes) {
  const VolumeFacts& first = volumes.at(*reached.begin());
  VolumeAlias alias = {
      .volume = *reached.begin(), .owner = first.owner, .source = first.source, .path = {}, .mapping = {}};
  for (const probes::FileKey& key : reached) {
    if (volumes.at(key).owner.tenant != first.owner.tenant) alias.owner = {probes::kContestedNumber, 0};
  }
  return alias;
}

bool is_same(const VolumeAlias& left, const VolumeAlias& right) {
  return left.volume == right.volume && left.disk_sequence == right.disk_sequence &&
         left.mapping.name() == right.mapping.name() && left.mapping.type() == right.mapping.type() &&
         left.mapping.kind() == right.mapping.kind() && left.mapping.read_only() == right.mapping.read_only();
}

}  // namespace

VolumeAliasMap find_aliases(const storage::BlockDevices& devices, const std::map<probes::FileKey, VolumeFacts>& volumes,
                            const ServedFiles& served) {
  VolumeAliasMap aliases;
  Search search(devices, volumes, served);
  for (const auto& [key, volume] : search.below()) {
    VolumeAlias& alias = aliases[key] = alias_of({volume}, volumes);
    alias.below = true;
    const auto device = key.block_device ? devices.find(key.device) : devices.end();
    if (device != devices.end()) alias.disk_sequence = device->second.disk_sequence;
  }
  for (const auto& [number, device] : devices) {
    const probes::FileKey key = storage::key_of(number);
    if (aliases.contains(key)) continue;
    Reached reached = search.reached(number);
    if (const auto own = volumes.find(key); own != volumes.end()) {
      std::erase_if(reached, [&](const probes::FileKey& one) {
        return volumes.at(one).owner.tenant == own->second.owner.tenant;
      });
    }
    if (reached.empty()) continue;
    VolumeAlias& alias = aliases[key] = alias_of(reached, volumes);
    alias.path = device.mapper_name.empty() ? absl::StrCat("/dev/", device.name)
                                            : absl::StrCat("/dev/mapper/", device.mapper_name);
    alias.mapping = describe(device);
    alias.disk_sequence = device.disk_sequence;
  }
  return aliases;
}

std::vector<probes::FileKey> VolumeAliases::served_files(std::uint32_t thread) const {
  std::vector<probes::FileKey> files;
  std::error_code error;
  const std::string folder = absl::StrCat("/proc/", thread, "/fd");
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (files.size() == kDescriptorLimit) break;
    if (const auto key = maps_.file_key(entry->path()); key.ok()) files.push_back(*key);
  }
  return files;
}

std::vector<AliasChange> VolumeAliases::apply(const storage::BlockDevices& devices,
                                              const std::map<probes::FileKey, VolumeFacts>& volumes) {
  std::vector<AliasChange> changes;
  // What is built over a base image leads to nobody's data.
  std::map<probes::FileKey, VolumeFacts> owned = volumes;
  std::erase_if(owned, [](const auto& volume) { return volume.second.base; });
  VolumeAliasMap now = find_aliases(devices, owned, [this](std::uint32_t thread) { return served_files(thread); });
  facts_.clear();
  for (const auto& [key, alias] : now) {
    const bool is_disk = key.block_device && alias.disk_sequence != 0;
    const absl::Status status =
        is_disk ? maps_.set_alias(key, alias.owner, alias.disk_sequence) : maps_.set_volume(key, alias.owner);
    if (!status.ok()) {
      spdlog::error("{}, which leads to {}, is not watched: {}", alias.path, alias.source,
                    std::string(status.message()));
    }
    facts_.emplace(key, VolumeFacts{alias.source, alias.owner});
    const auto before = aliases_.find(key);
    if (alias.below || (before != aliases_.end() && is_same(before->second, alias))) continue;
    changes.push_back({.alias = alias, .removed = false});
  }
  for (const auto& [key, alias] : aliases_) {
    const auto after = now.find(key);
    if (after == now.end()) {
      const auto own = volumes.find(key);
      if (own == volumes.end()) {
        maps_.remove_volume(key);
      } else if (absl::Status status = maps_.set_volume(key, own->second.owner); !status.ok()) {
        spdlog::error("{} is not watched: {}", own->second.source, std::string(status.message()));
      }
    }
    const bool stays = after != now.end() && (is_same(after->second, alias) || after->second.volume == alias.volume);
    if (!alias.below && !stays) changes.push_back({.alias = alias, .removed = true});
  }
  aliases_ = std::move(now);
  return changes;
}

const VolumeFacts* VolumeAliases::find(const probes::FileKey& key) const {
  const auto found = facts_.find(key);
  return found == facts_.end() ? nullptr : &found->second;
}

const VolumeAlias* VolumeAliases::alias(const probes::FileKey& key) const {
  const auto found = aliases_.find(key);
  return found == aliases_.end() ? nullptr : &found->second;
}

}  // namespace bulkhead::ownership
