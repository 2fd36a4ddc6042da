#include "agent/ownership/volume_aliases.h"

#include <catch2/catch.hpp>

namespace bulkhead::ownership {
namespace {

using storage::BlockDevice;
using storage::DeviceKind;

constexpr probes::Owner kAcme = {.tenant = 1, .domain = 11}, kGlobex = {.tenant = 2, .domain = 21};
const probes::FileKey kFile = {.inode = 7, .device = 8, .generation = 9};
const probes::FileKey kOtherFile = {.inode = 70, .device = 8, .generation = 9};

struct Host {
  storage::BlockDevices devices;
  std::map<probes::FileKey, VolumeFacts> volumes;
  std::vector<probes::FileKey> served;

  BlockDevice& add(std::uint32_t number, DeviceKind kind, std::vector<std::uint32_t> below = {}) {
    BlockDevice& device = devices[number];
    device.number = number;
    device.name = "d" + std::to_string(number);
    device.kind = kind;
    device.below = std::move(below);
    return device;
  }
  void own(const probes::FileKey& key, const std::string& source, probes::Owner owner) {
    volumes[key] = {.source = source, .owner = owner};
  }
  void own(std::uint32_t number, probes::Owner owner) {
    own(storage::key_of(number), "volume " + std::to_string(number), owner);
  }
  VolumeAliasMap find() const {
    return find_aliases(devices, volumes, [this](std::uint32_t) { return served; });
  }
};

TEST_CASE("what is built over a volume, however deep, is an alias of it, and what it lies on is not") {
  Host host;
  host.add(1, DeviceKind::kDisk);
  host.add(2, DeviceKind::kDeviceMapper, {1});
  host.add(3, DeviceKind::kDeviceMapper, {2}).type = "crypt";
  host.add(4, DeviceKind::kPartition, {3});
  host.own(2, kAcme);
  const VolumeAliasMap aliases = host.find();
  REQUIRE(aliases.size() == 2);
  const VolumeAlias& crypt = aliases.at(storage::key_of(3));
  CHECK(crypt.owner == kAcme);
  CHECK(crypt.volume == storage::key_of(2));
  CHECK(crypt.source == "volume 2");
  CHECK(crypt.path == "/dev/d3");
  CHECK(crypt.mapping.kind() == v1::VOLUME_MAPPING_KIND_DEVICE_MAPPER);
  CHECK(crypt.mapping.type() == "crypt");
  CHECK(aliases.at(storage::key_of(4)).mapping.kind() == v1::VOLUME_MAPPING_KIND_PARTITION);
}

TEST_CASE("a disk that carries two tenants' volumes is nobody's") {
  Host host;
  host.add(1, DeviceKind::kDisk);
  host.add(2, DeviceKind::kDeviceMapper, {1});
  host.add(3, DeviceKind::kDeviceMapper, {1});
  host.own(2, kAcme);
  host.own(3, kGlobex);
  CHECK(host.find().empty());
}

TEST_CASE("what is built over two tenants' volumes is contested, over two of one tenant's it is that one's") {
  Host host;
  host.add(1, DeviceKind::kDisk);
  host.add(2, DeviceKind::kDisk);
  host.add(3, DeviceKind::kRaid, {1, 2});
  host.own(1, kAcme);
  host.own(2, kAcme);
  CHECK(host.find().at(storage::key_of(3)).owner == kAcme);
  host.own(2, kGlobex);
  CHECK(host.find().at(storage::key_of(3)).owner.tenant == probes::kContestedNumber);
}

TEST_CASE("a snapshot of a volume is an alias of it, by the device that both lie on") {
  Host host;
  host.add(1, DeviceKind::kDisk);
  host.add(2, DeviceKind::kDeviceMapper, {1}).type = "linear";           // real
  host.add(3, DeviceKind::kDeviceMapper, {2}).type = "snapshot-origin";  // the LV
  host.add(4, DeviceKind::kDeviceMapper, {1}).type = "linear";           // copies
  host.add(5, DeviceKind::kDeviceMapper, {2, 4}).type = "snapshot";
  host.own(3, kAcme);
  const VolumeAliasMap aliases = host.find();
  REQUIRE(aliases.size() == 2);
  CHECK(aliases.at(storage::key_of(2)).below);
  CHECK(aliases.at(storage::key_of(5)).owner == kAcme);
  CHECK(aliases.at(storage::key_of(5)).volume == storage::key_of(3));
  CHECK_FALSE(aliases.at(storage::key_of(5)).below);
}

TEST_CASE("a disk that a domain has over its own tenant's volume is no alias, over another's it is") {
  Host host;
  host.add(1, DeviceKind::kLoop).backing = probes::BackingFile{.key = kFile};
  host.own(kFile, "/images/disk", kAcme);
  host.own(1, {.tenant = kAcme.tenant, .domain = 12});
  CHECK(host.find().empty());
  host.own(1, kGlobex);
  const VolumeAliasMap aliases = host.find();
  REQUIRE(aliases.size() == 1);
  CHECK(aliases.at(storage::key_of(1)).owner == kAcme);
}

TEST_CASE("the file below a loop device that is a volume is the tenant's, unless two tenants' lie in it") {
  Host host;
  host.add(1, DeviceKind::kLoop).backing = probes::BackingFile{.key = kFile};
  host.add(2, DeviceKind::kLoop).backing = probes::BackingFile{.key = kFile, .offset = 4096};
  host.own(1, kAcme);
  VolumeAliasMap aliases = host.find();
  CHECK(aliases.at(kFile).owner == kAcme);
  CHECK(aliases.at(kFile).below);
  // What lies on the same file beside it is an alias, then.
  CHECK(aliases.at(storage::key_of(2)).owner == kAcme);
  host.own(2, kGlobex);
  CHECK(host.find().empty());
}

TEST_CASE("a network block device is an alias of what its server has open") {
  Host host;
  host.add(1, DeviceKind::kNbd).nbd_pid = 4711;
  host.own(kFile, "/images/disk", kAcme);
  host.served = {kOtherFile};
  CHECK(host.find().empty());
  host.served = {kOtherFile, kFile, storage::key_of(1)};
  const VolumeAliasMap aliases = host.find();
  REQUIRE(aliases.size() == 1);
  CHECK(aliases.at(storage::key_of(1)).mapping.kind() == v1::VOLUME_MAPPING_KIND_NBD);
  host.devices.at(1).nbd_pid = 0;
  CHECK(host.find().empty());
}

TEST_CASE("devices that name each other do no harm") {
  Host host;
  host.add(1, DeviceKind::kDeviceMapper, {2, 9});
  host.add(2, DeviceKind::kDeviceMapper, {1, 2});
  host.own(2, kAcme);
  CHECK(host.find().at(storage::key_of(1)).owner == kAcme);
}

}  // namespace
}  // namespace bulkhead::ownership
