#include "agent/ledger/block_device.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace bulkhead;
namespace fs = std::filesystem;

namespace {

// A tree as the kernel's sysfs has it: devices, and links to them by number.
struct Sysfs {
  Sysfs() {
    char name[] = "/tmp/bulkhead-sysfs-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    root = name;
    fs::create_directories(root / "dev/block");
  }
  ~Sysfs() { fs::remove_all(root); }

  void write(const std::string& path, const std::string& text) const {
    fs::create_directories((root / path).parent_path());
    std::ofstream(root / path) << text;
  }
  void number(const std::string& number, const std::string& device) const {
    fs::create_directory_symlink(root / device, root / "dev/block" / number);
  }

  fs::path root;
};

}  // namespace

TEST_CASE("A block device has a size, a disk and a name that stays") {
  const Sysfs sysfs;
  sysfs.write("block/dm-3/size", "2048\n");
  sysfs.write("block/dm-3/diskseq", "17\n");
  sysfs.write("block/dm-3/dm/uuid", "LVM-abc\n");
  sysfs.number("253:3", "block/dm-3");
  sysfs.write("block/sda/size", "4096\n");
  sysfs.write("block/sda/diskseq", "5\n");
  sysfs.write("block/sda/device/wwid", "naa.5000c500a1b2c3d4\n");
  sysfs.write("block/sda/sda2/size", "1024\n");
  sysfs.write("block/sda/sda2/partition", "2\n");
  sysfs.number("8:0", "block/sda");
  sysfs.number("8:2", "block/sda/sda2");

  const auto volume = ledger::block_device(253u << 20 | 3, sysfs.root);
  REQUIRE(volume.ok());
  CHECK(volume->size == 1 << 20);
  CHECK(volume->disk_sequence == 17);
  CHECK(volume->identity == "dm:LVM-abc");
  const auto partition = ledger::block_device(8u << 20 | 2, sysfs.root);
  REQUIRE(partition.ok());
  CHECK(partition->size == 1 << 19);
  CHECK(partition->disk_sequence == 5);
  CHECK(partition->identity == "wwid:naa.5000c500a1b2c3d4-part2");
  CHECK(ledger::block_devices(sysfs.root).size() == 3);
}

TEST_CASE("What sysfs has no sense for is no device") {
  const Sysfs sysfs;
  CHECK(absl::IsNotFound(ledger::block_device(8u << 20, sysfs.root).status()));
  sysfs.write("block/sda/size", "many\n");
  sysfs.number("8:0", "block/sda");
  CHECK_FALSE(ledger::block_device(8u << 20, sysfs.root).ok());
  sysfs.write("block/sda/size", "18446744073709551615\n");
  CHECK(absl::IsDataLoss(ledger::block_device(8u << 20, sysfs.root).status()));
  sysfs.write("block/sda/size", "8\n");
  CHECK_THAT(std::string(ledger::block_device(8u << 20, sysfs.root).status().message()), Catch::Contains("diskseq"));
  CHECK(ledger::block_devices(sysfs.root).empty());
}
