#include "agent/inventory/host_files.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "absl/cleanup/cleanup.h"
#include "agent/inventory/domain_xml.h"
#include "agent/inventory/xml_document.h"

namespace bulkhead::inventory {
namespace {

std::vector<HostFile> files_of(const std::string& xml, const std::string& sys_dir = "/no-such-directory") {
  const auto document = parse_xml(xml, {.bytes = kMaxXmlBytes, .depth = kMaxXmlDepth});
  REQUIRE(document.ok());
  return read_host_files(xmlDocGetRootElement(document->get()), sys_dir);
}

std::vector<HostFile> files_of_domain(const std::string& inner, const std::string& sys_dir = "/no-such-directory") {
  return files_of("<domstatus state='running'><domain type='kvm'>" + inner + "</domain></domstatus>", sys_dir);
}

using Files = std::vector<HostFile>;

}  // namespace

TEST_CASE("a domain's disks with their chain, firmware, kernel and helpers' sockets are declared") {
  CHECK(files_of_domain(
            "<os><loader readonly='yes' type='pflash'>/usr/share/OVMF/CODE.fd</loader>"
            "<nvram>/var/lib/libvirt/qemu/nvram/web.fd</nvram><kernel>/boot/k</kernel><initrd>/boot/i</initrd>"
            "</os><devices><emulator>/usr/bin/qemu-system-x86_64</emulator>"
            "<disk type='file'><source file='/images/top'/><backingStore type='file'>"
            "<source file='/images/base'/></backingStore><target dev='vda'/></disk>"
            "<disk type='file' device='cdrom'><source file='/images/cd'/><readonly/></disk>"
            "<interface type='vhostuser'><source type='unix' path='/run/vu.sock' mode='client'/>"
            "<rom file='/roms/nic'/></interface>"
            "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng></devices>") ==
        Files{{"/boot/i", true, false},
              {"/boot/k", true, false},
              {"/dev/urandom", false, false},
              {"/images/base", false, false},
              {"/images/cd", true, false},
              {"/images/top", false, false},
              {"/roms/nic", true, false},
              {"/run/vu.sock", false, false},
              {"/usr/share/OVMF/CODE.fd", true, false},
              {"/var/lib/libvirt/qemu/nvram/web.fd", false, false}});
}

TEST_CASE("QEMU's own command line, metadata and relative paths declare nothing") {
  CHECK(files_of_domain("<metadata><a:x xmlns:a='urn:a' file='/etc/shadow'/></metadata>"
                        "<devices><disk><source file='relative'/></disk></devices>"
                        "<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>"
                        "<qemu:arg value='x' file='/etc/shadow'/></qemu:commandline>")
            .empty());
}

TEST_CASE("the domain's own directories are declared, and no name in them") {
  const auto files = files_of(
      "<domstatus><libDir path='/var/lib/libvirt/qemu/domain-3-web'/><domain><devices>"
      "<channel type='unix'><source mode='bind' path='/var/lib/libvirt/qemu/domain-3-web/agent.sock'/></channel>"
      "</devices></domain></domstatus>");
  CHECK(std::ranges::count(files, HostFile{"/var/lib/libvirt/qemu/domain-3-web", false, true}) == 1);
  CHECK(std::ranges::count(files, HostFile{"/dev/hugepages/libvirt/qemu/3-web", false, true}) == 1);
  CHECK(std::ranges::count(files, HostFile{"/run/libvirt/qemu/swtpm/3-web-swtpm.sock", false, false}) == 1);
  CHECK(std::ranges::none_of(files, [](const HostFile& one) { return one.path.ends_with("agent.sock"); }));
}

TEST_CASE("a running backup's files and a shared directory are declared") {
  CHECK(files_of("<domstatus><backups><domainbackup><disks><disk><scratch file='/images/scratch'/></disk></disks>"
                 "</domainbackup></backups><domain><devices><filesystem type='mount'><source dir='/srv/share'/>"
                 "<readonly/></filesystem></devices></domain></domstatus>") ==
        Files{{"/images/scratch", false, false}, {"/srv/share", true, true}});
}

TEST_CASE("a host device is declared by its VFIO group or its USB node, shared memory by its name") {
  std::string sys = std::filesystem::temp_directory_path() / "bulkhead-sys-XXXXXX";
  REQUIRE(mkdtemp(sys.data()) != nullptr);
  const absl::Cleanup remove = [&] { std::filesystem::remove_all(sys); };
  std::filesystem::create_directories(sys + "/bus/pci/devices/0000:3b:00.1");
  std::filesystem::create_symlink("../../../../kernel/iommu_groups/27",
                                  sys + "/bus/pci/devices/0000:3b:00.1/iommu_group");
  CHECK(
      files_of_domain("<devices><hostdev mode='subsystem' type='pci'><source><address domain='0x0000' bus='0x3b' "
                      "slot='0x00' function='0x1'/></source></hostdev>"
                      "<hostdev type='pci'><source><address bus='0x3c' slot='0x00' function='0x0'/></source></hostdev>"
                      "<hostdev type='usb'><source><address bus='1' device='14'/></source></hostdev>"
                      "<shmem name='ours'/><shmem name='../etc/shadow'/></devices>",
                      sys) ==
      Files{{"/dev/bus/usb/001/014", false, false}, {"/dev/shm/ours", false, false}, {"/dev/vfio/27", false, false}});
}

}  // namespace bulkhead::inventory
