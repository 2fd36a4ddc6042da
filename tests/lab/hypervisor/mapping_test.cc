// What a hypervisor host builds over tenants' volumes, with the device mapper, LVM and network block devices.
#include <stdlib.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/kernel/mapping_host.h"
#include "tests/lab/hypervisor/in_lab.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

constexpr char kKey[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

// A disk of this host's, on a file of nobody's.
struct Disk {
  TemporaryDirectory directory;
  std::string file = make_file();
  LoopDevice loop{file};

  std::string make_file() const {
    run_program({"truncate", "--size", "256M", directory.path() + "/disk"});
    return directory.path() + "/disk";
  }
};

// A device-mapper device for as long as it lives, with a table of one line.
class Mapped {
 public:
  Mapped(const std::string& name, const std::string& table) : name_(name) {
    run_program({"dmsetup", "create", name, "--uuid", "BHTEST-" + name, "--table", table});
    run_program({"dmsetup", "mknodes", name});  // where no udev makes them
  }
  ~Mapped() { remove(); }
  Mapped(const Mapped&) = delete;
  Mapped& operator=(const Mapped&) = delete;
  std::string path() const { return "/dev/mapper/" + name_; }
  void remove() {
    if (!name_.empty()) const AtEnd end({"dmsetup", "remove", "--retry", std::exchange(name_, "")});
  }

 private:
  std::string name_;
};

class VolumeGroup {
 public:
  explicit VolumeGroup(const std::string& device) {
    setenv("LVM_SUPPRESS_FD_WARNINGS", "1", 1);
    run_program({"vgcreate", "bhtest", device});
  }
  ~VolumeGroup() { const AtEnd end({"vgremove", "--force", "--yes", "bhtest"}); }
  VolumeGroup(const VolumeGroup&) = delete;
  VolumeGroup& operator=(const VolumeGroup&) = delete;
};

inventory::Domain on_device(const std::string& name, const std::string& tenant, const std::string& path) {
  inventory::Domain one = domain_with(name, tenant, path);
  one.volumes.front().type = "block";
  return one;
}

dev_t number_of(const std::string& device) {
  struct stat status = {};
  REQUIRE(stat(device.c_str(), &status) == 0);
  return status.st_rdev;
}

std::set<std::string> paths_of(const std::vector<v1::Event>& events) {
  std::set<std::string> paths;
  for (const v1::Event& event : events) paths.insert(event.path());
  return paths;
}

TEST_CASE("what the device mapper builds over a volume is told, one on the other", "[DISK-03]") {
  BULKHEAD_NEEDS_LAB();
  MappingHost host;
  const Disk disk;
  Mapped volume("bh-volume", absl::StrCat("0 65536 linear ", disk.loop.path(), " 2048"));
  host.apply({on_device("acme-1", "acme", volume.path())});
  CHECK(host.inventory.domains(0).volumes(0).identity() == "dm:BHTEST-bh-volume");
  CHECK(mappings(host.events()).empty());  // it lies on the disk, and nothing is built over it
  Mapped window("bh-window", absl::StrCat("0 2048 linear ", volume.path(), " 0"));
  auto told = mappings(host.events());
  REQUIRE(told.size() == 1);
  CHECK(told[0].path() == "/dev/mapper/bh-window");
  CHECK(told[0].object().id() == volume.path());
  CHECK(told[0].object().tenant() == "acme");
  CHECK(told[0].volume_mapping().kind() == v1::VOLUME_MAPPING_KIND_DEVICE_MAPPER);
  CHECK(told[0].volume_mapping().type() == "linear");
  CHECK_THAT(told[0].volume_mapping().name(), Catch::StartsWith("dm-"));
  CHECK_THAT(told[0].actor().process().executable(), Catch::EndsWith("/dmsetup"));
  Mapped crypt("bh-crypt", absl::StrCat("0 2048 crypt aes-xts-plain64 ", kKey, " 0 ", window.path(), " 0"));
  told = mappings(host.events());
  REQUIRE(told.size() == 1);
  CHECK(told[0].volume_mapping().type() == "crypt");
  CHECK(told[0].object().id() == volume.path());

  REQUIRE(run_subject({"file_opener", "openat", crypt.path()}) == 0);
  const auto opened = opens(host.events());
  REQUIRE(opened.size() == 1);
  CHECK(opened[0].object().id() == volume.path());
  crypt.remove();
  window.remove();
  told = mappings(host.events());
  CHECK(told.size() == 2);
  for (const v1::Event& event : told) CHECK(event.volume_mapping().removed());
}

TEST_CASE("the device mapper over what is nobody's is silent, and a number that is used anew has no owner",
          "[DISK-03][twin]") {
  BULKHEAD_NEEDS_LAB();
  MappingHost host;
  const Disk disk, nobodys;
  Mapped volume("bh-volume", absl::StrCat("0 65536 linear ", disk.loop.path(), " 0"));
  host.apply({on_device("acme-1", "acme", volume.path())});
  Mapped other("bh-other", absl::StrCat("0 65536 linear ", disk.loop.path(), " 65536"));
  CHECK(mappings(host.events()).empty());
  Mapped first("bh-first", absl::StrCat("0 2048 linear ", volume.path(), " 0"));
  const dev_t number = number_of(first.path());
  CHECK(mappings(host.events()).size() == 1);
  first.remove();
  Mapped second("bh-second", absl::StrCat("0 2048 linear ", nobodys.loop.path(), " 0"));
  CHECK(number_of(second.path()) == number);  // else it shows nothing
  const auto told = mappings(host.events());
  REQUIRE(told.size() == 1);
  CHECK(told[0].volume_mapping().removed());
  REQUIRE(run_subject({"file_opener", "openat", second.path()}) == 0);
  CHECK(opens(host.events()).empty());
}

TEST_CASE("a snapshot of a tenant's LV is the tenant's, its disk and its neighbour are not", "[DISK-03]") {
  BULKHEAD_NEEDS_LAB();
  MappingHost host;
  const Disk disk;
  const VolumeGroup group(disk.loop.path());
  for (const char* name : {"web", "db"})
    run_program({"lvcreate", "--yes", "--wipesignatures", "n", "--size", "16M", "--name", name, "bhtest"});
  host.apply({on_device("acme-1", "acme", "/dev/bhtest/web"), on_device("globex-1", "globex", "/dev/bhtest/db")});
  CHECK_THAT(host.inventory.domains(0).volumes(0).identity(), Catch::StartsWith("dm:LVM-"));
  CHECK(host.inventory.domains(0).volumes(0).identity() != host.inventory.domains(1).volumes(0).identity());
  host.events();
  run_program({"lvcreate", "--yes", "--size", "16M", "--snapshot", "--name", "copy", "bhtest/web"});
  const auto told = mappings(host.events());
  REQUIRE(told.size() == 1);
  CHECK(told[0].path() == "/dev/mapper/bhtest-copy");
  CHECK(told[0].volume_mapping().type() == "snapshot");
  CHECK(told[0].object().id() == "/dev/bhtest/web");
  CHECK(told[0].object().tenant() == "acme");

  REQUIRE(run_subject({"file_opener", "openat", "/dev/bhtest/copy"}) == 0);
  REQUIRE(run_subject({"file_opener", "openat", "/dev/mapper/bhtest-web-real"}) == 0);
  auto opened = opens(host.events());
  REQUIRE(opened.size() == 2);
  for (const v1::Event& event : opened) CHECK(event.object().id() == "/dev/bhtest/web");
  REQUIRE(run_subject({"file_opener", "openat", disk.loop.path()}) == 0);
  CHECK(opens(host.events()).empty());
}

TEST_CASE("a thin volume over a tenant's volume as its origin is the tenant's, its pool and its neighbour are not",
          "[DISK-03]") {
  BULKHEAD_NEEDS_LAB();
  MappingHost host;
  const Disk meta, data, disk;
  Mapped volume("bh-volume", absl::StrCat("0 65536 linear ", disk.loop.path(), " 0"));
  Mapped pool("bh-pool", absl::StrCat("0 131072 thin-pool ", meta.loop.path(), " ", data.loop.path(), " 128 0"));
  for (const char* id : {"0", "1"})
    run_program({"dmsetup", "message", pool.path(), "0", absl::StrCat("create_thin ", id)});
  host.apply({on_device("acme-1", "acme", volume.path())});
  host.events();
  Mapped neighbour("bh-neighbour", absl::StrCat("0 65536 thin ", pool.path(), " 0"));
  Mapped clone("bh-clone", absl::StrCat("0 65536 thin ", pool.path(), " 1 ", volume.path()));
  const auto told = mappings(host.events());
  REQUIRE(told.size() == 1);
  CHECK(told[0].path() == clone.path());
  CHECK(told[0].volume_mapping().type() == "thin");
}

TEST_CASE("a network block device over a volume is told, whatever the volume's format, and one over another is not",
          "[DISK-03]") {
  BULKHEAD_NEEDS_LAB();
  run_program({"modprobe", "nbd", "nbds_max=2"});
  MappingHost host;
  const TemporaryDirectory directory;
  const std::string image = directory.path() + "/disk.qcow2", nobodys = directory.path() + "/nobodys.qcow2";
  for (const std::string& path : {image, nobodys})
    run_program({"qemu-img", "create", "-q", "-f", "qcow2", path, "16M"});
  host.apply({domain_with("acme-1", "acme", image)});
  run_program({"qemu-nbd", "--connect", "/dev/nbd1", "--format", "qcow2", nobodys});
  const AtEnd leave_nobodys({"qemu-nbd", "--disconnect", "/dev/nbd1"});
  CHECK(mappings(host.events()).empty());
  run_program({"qemu-nbd", "--connect", "/dev/nbd0", "--read-only", "--format", "qcow2", image});
  const AtEnd leave({"qemu-nbd", "--disconnect", "/dev/nbd0"});
  const auto told = mappings(host.events());
  REQUIRE_FALSE(told.empty());
  CHECK(paths_of(told) == std::set<std::string>{"/dev/nbd0"});
  CHECK(told[0].volume_mapping().kind() == v1::VOLUME_MAPPING_KIND_NBD);
  CHECK(told[0].object().id() == image);
  CHECK_THAT(told[0].actor().process().executable(), Catch::EndsWith("/qemu-nbd"));
}

}  // namespace
}  // namespace bulkhead::test
