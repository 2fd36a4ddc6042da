// LVM volumes, as a host keeps its domains' disks on: thick, thin, and a snapshot.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tests/lab/hypervisor/in_lab.h"
#include "tests/lab/hypervisor/shell.h"
#include "tests/support/stage/file_descriptor.h"

namespace bulkhead::lab {
namespace {

constexpr std::size_t kBlock = 4096;

// Past the page cache: to and from the volume itself.
class Volume {
 public:
  explicit Volume(const std::string& path) : file_(open(path.c_str(), O_RDWR | O_DIRECT | O_CLOEXEC)) {
    INFO(path);
    REQUIRE(file_.valid());
    struct stat status{};
    REQUIRE(fstat(file_.get(), &status) == 0);
    REQUIRE(S_ISBLK(status.st_mode));
    REQUIRE(posix_memalign(&block_, kBlock, kBlock) == 0);
  }
  ~Volume() { free(block_); }
  Volume(const Volume&) = delete;
  Volume& operator=(const Volume&) = delete;

  void write(char content) {
    std::memset(block_, content, kBlock);
    REQUIRE(pwrite(file_.get(), block_, kBlock, 0) == static_cast<ssize_t>(kBlock));
  }
  std::string read() {
    REQUIRE(pread(file_.get(), block_, kBlock, 0) == static_cast<ssize_t>(kBlock));
    return {static_cast<const char*>(block_), kBlock};
  }

 private:
  const stage::FileDescriptor file_;
  void* block_ = nullptr;
};

std::string block_of(char content) {
  return std::string(kBlock, content);
}

// A volume group on a loop device over a file in memory.
class VolumeGroup {
 public:
  VolumeGroup() {
    // LVM complains of ctest's log, which is open in here.
    setenv("LVM_SUPPRESS_FD_WARNINGS", "1", 1);
    do_command("truncate -s 256M /tmp/lab-disk");
    device_ = std::string(absl::StripAsciiWhitespace(do_command("losetup --find --show /tmp/lab-disk")));
    do_command(absl::StrCat("vgcreate lab ", device_));
  }
  ~VolumeGroup() {
    const AtEnd remove("rm /tmp/lab-disk");
    const AtEnd detach(absl::StrCat("losetup --detach ", device_));
    const AtEnd leave("vgremove --force --yes lab");
  }
  VolumeGroup(const VolumeGroup&) = delete;
  VolumeGroup& operator=(const VolumeGroup&) = delete;

 private:
  std::string device_;
};

std::string target_of(const std::string& volume) {
  return do_command(absl::StrCat("dmsetup table lab-", volume));
}

TEST_CASE("a thick LVM volume and its snapshot each keep what was written") {
  BULKHEAD_NEEDS_LAB();
  const VolumeGroup group;
  do_command("lvcreate --yes --size 16M --name thick lab");
  CHECK(absl::StrContains(target_of("thick"), " linear "));
  Volume("/dev/lab/thick").write('a');
  do_command("lvcreate --yes --size 16M --snapshot --name before lab/thick");
  CHECK(absl::StrContains(target_of("before"), " snapshot "));
  Volume("/dev/lab/thick").write('b');
  CHECK(Volume("/dev/lab/thick").read() == block_of('b'));
  CHECK(Volume("/dev/lab/before").read() == block_of('a'));
}

TEST_CASE("thin LVM volumes of one pool keep what was written, and no more than was written") {
  BULKHEAD_NEEDS_LAB();
  const VolumeGroup group;
  do_command("lvcreate --yes --type thin-pool --size 64M --name pool lab");
  for (const char* name : {"one", "two"})
    do_command(absl::StrCat("lvcreate --yes --virtualsize 1G --thinpool pool --name ", name, " lab"));
  CHECK(absl::StrContains(target_of("one"), " thin "));
  Volume("/dev/lab/one").write('a');
  CHECK(Volume("/dev/lab/one").read() == block_of('a'));
  // Never written: no block of the pool's, and none of its neighbour's.
  CHECK(Volume("/dev/lab/two").read() == block_of('\0'));
}

}  // namespace
}  // namespace bulkhead::lab
