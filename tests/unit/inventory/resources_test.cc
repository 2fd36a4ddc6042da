// CTRL-05: what else than volumes a definition hands to its domain.
#include <catch2/catch.hpp>

#include "agent/inventory/domain_xml.h"

namespace bulkhead::inventory {
namespace {

using enum ResourceKind;

std::vector<Resource> resources_of(const std::string& devices) {
  const auto parsed =
      parse_domain_xml("<domain><name>n</name><uuid>3e3fce45-4f53-4fa7-bb32-11f34168b82b</uuid><devices>" + devices +
                       "</devices></domain>");
  INFO(parsed.status());
  REQUIRE(parsed.ok());
  return parsed->domain.resources;
}

TEST_CASE("host devices are found by their addresses, however the numbers are written", "[CTRL-05]") {
  const auto found = resources_of(
      "<hostdev mode='subsystem' type='pci' managed='yes'><source>"
      "<address domain='0x0000' bus='0x06' slot='0x1f' function='0x2'/></source></hostdev>"
      "<hostdev mode='subsystem' type='pci'><source><address bus='6' slot='31' function='2'/></source>"
      "<address type='pci' domain='0x0000' bus='0x00' slot='0x05' function='0x0'/></hostdev>"
      "<interface type='hostdev'><source><address type='pci' domain='0x1' bus='0x3b' slot='0' function='0x1'/></source>"
      "</interface>"
      "<disk type='nvme'><source type='pci' namespace='1'><address domain='0x0000' bus='0x01' slot='0x00' "
      "function='0x0'/></source><target dev='vda'/></disk>"
      "<hostdev mode='subsystem' type='mdev' model='vfio-pci'><source>"
      "<address uuid='C2177883-F1BB-47F0-914D-32A22E3A8804'/></source></hostdev>"
      "<hostdev mode='subsystem' type='usb'><source><vendor id='0x046d'/><product id='0xc31c'/>"
      "<address bus='2' device='4'/></source></hostdev>"
      "<hostdev mode='subsystem' type='scsi'><source><adapter name='scsi_host0'/>"
      "<address bus='0' target='3' unit='1'/></source></hostdev>"
      "<hostdev mode='subsystem' type='scsi_host'><source protocol='vhost' wwpn='naa.5123456789abcde0'/></hostdev>"
      "<disk type='vhostvdpa'><source dev='/dev/vhost-vdpa-1'/><target dev='vdb'/></disk>");
  const std::vector<Resource> expected = {{kHostDevice, "/dev/vhost-vdpa-1", "disk"},
                                          {kHostDevice, "mdev:c2177883-f1bb-47f0-914d-32a22e3a8804", "hostdev"},
                                          {kHostDevice, "pci:0000:01:00.0", "disk"},
                                          {kHostDevice, "pci:0000:06:1f.2", "hostdev"},
                                          {kHostDevice, "pci:0001:3b:00.1", "interface"},
                                          {kHostDevice, "scsi-host:naa.5123456789abcde0", "hostdev"},
                                          {kHostDevice, "scsi:scsi_host0:0:3:1", "hostdev"},
                                          {kHostDevice, "usb:046d:c31c", "hostdev"},
                                          {kHostDevice, "usb:2.4", "hostdev"}};
  CHECK(found == expected);
}

TEST_CASE("shared memory is found by the file or the server that it is", "[CTRL-05]") {
  const auto found = resources_of(
      "<shmem name='cache'><model type='ivshmem-plain'/><size unit='M'>4</size></shmem>"
      "<shmem name='bell'><model type='ivshmem-doorbell'/><server path='/run/bell.sock'/></shmem>"
      "<memory model='nvdimm'><source><path>/srv/nvdimm</path></source><target><size>1</size></target></memory>"
      "<memory model='nvdimm'><source><path>/srv/for-all</path></source><target><readonly/></target></memory>"
      "<memory model='dimm'><target><size>1</size></target></memory>");
  const std::vector<Resource> expected = {{kSharedMemory, "/dev/shm/cache", "shmem"},
                                          {kSharedMemory, "/run/bell.sock", "shmem"},
                                          {kSharedMemory, "/srv/nvdimm", "memory"}};
  CHECK(found == expected);
}

TEST_CASE("ports are found by their own device or socket, not by the uplink that many share", "[CTRL-05]") {
  const auto found = resources_of(
      "<interface type='bridge'><source bridge='br0'/><target dev='tap0'/></interface>"
      "<interface type='direct'><source dev='eth0' mode='bridge'/></interface>"
      "<interface type='direct'><source dev='eth1' mode='passthrough'/></interface>"
      "<interface type='vhostuser'><source type='unix' path='/run/ovs/port1' mode='server'/></interface>"
      "<interface type='vdpa'><source dev='/dev/vhost-vdpa-0'/></interface>"
      "<interface type='network'><source network='default'/></interface>"
      "<disk type='vhostuser'><source type='unix' path='/run/spdk.sock'/><target dev='vda'/></disk>");
  const std::vector<Resource> expected = {{kPort, "/dev/vhost-vdpa-0", "interface"},
                                          {kPort, "/run/ovs/port1", "interface"},
                                          {kPort, "/run/spdk.sock", "disk"},
                                          {kPort, "eth1", "interface"},
                                          {kPort, "tap0", "interface"}};
  CHECK(found == expected);
}

TEST_CASE("what names nothing, or is not well-formed, is left out", "[CTRL-05]") {
  const std::string long_name(5000, 'x');
  CHECK(resources_of("<hostdev/><interface/><shmem/><memory/><disk/>"
                     "<hostdev mode='subsystem' type='pci'><source><address bus='0x' slot='0x1f'/></source></hostdev>"
                     "<hostdev mode='subsystem' type='pci'><source><address bus='-1' slot='1'/></source></hostdev>"
                     "<hostdev mode='subsystem' type='pci'><source><address bus='99999999999' slot='1'/></source>"
                     "</hostdev><hostdev mode='subsystem' type='pci'/>"
                     "<hostdev mode='subsystem' type='usb'><source><address bus='2'/></source></hostdev>"
                     "<hostdev mode='capabilities' type='misc'><source><char>/dev/input</char></source></hostdev>"
                     "<shmem name='" +
                     long_name + "'/>")
            .empty());
}

}  // namespace
}  // namespace bulkhead::inventory
