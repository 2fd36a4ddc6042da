#include "agent/storage/block_devices.h"

#include <catch2/catch.hpp>

#include "agent/storage/identity.h"
#include "tests/unit/storage/sysfs_tree.h"

namespace bulkhead::storage {
namespace {

constexpr std::uint32_t number(std::uint32_t major, std::uint32_t minor) {
  return major << 20 | minor;
}

const probes::FileSystemUuid kUuid = {0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0,
                                      0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08};

TEST_CASE("a disk, its partition and what the device mapper builds on that are read, each with what is below it") {
  SysfsTree tree;
  const std::string disk = tree.add("sda", "8:0");
  SysfsTree::write(disk, "size", "2048");
  SysfsTree::write(disk, "diskseq", "9");
  SysfsTree::write(disk, "device/wwid", "naa.5000c500a1b2c3d4");
  const std::string part = tree.add("sda/sda1", "8:1");
  SysfsTree::write(part, "partition", "1");
  const std::string mapped = tree.add("dm-0", "253:0");
  SysfsTree::write(mapped, "dm/name", "vg-web");
  SysfsTree::write(mapped, "dm/uuid", "LVM-abc");
  SysfsTree::write(mapped, "ro", "1");
  SysfsTree::stack(mapped, part);

  const BlockDevices devices = read_block_devices(tree.sources());
  REQUIRE(devices.size() == 3);
  const BlockDevice& one = devices.at(number(8, 0));
  CHECK(one.kind == DeviceKind::kDisk);
  CHECK(one.name == "sda");
  CHECK(one.size == 1024 * 1024);
  CHECK(one.disk_sequence == 9);
  CHECK_FALSE(one.read_only);
  CHECK(one.below.empty());
  CHECK(devices.at(number(8, 1)).kind == DeviceKind::kPartition);
  CHECK(devices.at(number(8, 1)).disk_sequence == 9);
  CHECK(devices.at(number(8, 1)).below == std::vector{number(8, 0)});
  const BlockDevice& dm = devices.at(number(253, 0));
  CHECK(dm.kind == DeviceKind::kDeviceMapper);
  CHECK(dm.mapper_name == "vg-web");
  CHECK(dm.read_only);
  CHECK(dm.below == std::vector{number(8, 1)});

  CHECK(identity_of(devices, number(8, 0), "host") == "wwid:naa.5000c500a1b2c3d4");
  CHECK(identity_of(devices, number(8, 1), "host") == "wwid:naa.5000c500a1b2c3d4-part1");
  CHECK(identity_of(devices, number(253, 0), "host") == "dm:LVM-abc");
  CHECK(identity_of(devices, number(8, 2), "host").empty());
}

TEST_CASE("what cannot be a device's number is none") {
  for (const char* text : {"", "8", "8:", ":1", "8:1x", "8:-1", "8:1048576", "4096:0", "0:0", "99999999999:1"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_device_number(text).has_value());
  }
  CHECK(parse_device_number("259:1048575") == number(259, 1048575));
}

TEST_CASE("attributes that are no numbers, or longer than a page, do no harm") {
  SysfsTree tree;
  const std::string disk = tree.add("sdb", "8:16");
  SysfsTree::write(disk, "size", "many");
  SysfsTree::write(disk, "wwid", std::string(100'000, 'w'));
  SysfsTree::write(disk, "slaves/loop9/dev", "no number");
  const auto device = read_block_device(tree.sources(), number(8, 16));
  REQUIRE(device.ok());
  CHECK(device->size == 0);
  CHECK(device->wwid.size() == 4096);
  CHECK(device->below.empty());
  CHECK_FALSE(read_block_device(tree.sources(), number(8, 17)).ok());
}

TEST_CASE("a disk that its maker named with blanks has no name") {
  SysfsTree tree;
  SysfsTree::write(tree.add("sdc", "8:32"), "wwid", "   ");
  SysfsTree::write(tree.add("sdd", "8:48"), "wwid", "  t10.ATA  X ");
  const BlockDevices devices = read_block_devices(tree.sources());
  CHECK(identity_of(devices, number(8, 32), "host").empty());
  CHECK(identity_of(devices, number(8, 48), "host") == "wwid:t10.ATA  X");
}

TEST_CASE("a file is named by its file system's uuid, and by its host where that has none") {
  const probes::FileKey file = {.inode = 12, .device = number(8, 1), .generation = 7};
  CHECK(identity_of(file, kUuid, "host") == "file:12345678-9abc-def0-0102-030405060708:12:7");
  CHECK(identity_of(file, {}, "host") == "file:host/8:1:12:7");
}

TEST_CASE("a loop device is named by its file, and by the part that it shows of it") {
  SysfsTree tree;
  const std::string folder = tree.add("loop3", "7:3");
  SysfsTree::write(folder, "size", "8");
  Sources sources = tree.sources();
  probes::KernelBlockDevice known = {.device = number(7, 3), .disk_sequence = 1, .size = 4096, .backing = std::nullopt};
  sources.ask_kernel = [&](const std::string&) { return known; };
  CHECK(identity_of(read_block_devices(sources), number(7, 3), "host").empty());
  known.backing = probes::BackingFile{
      .key = {.inode = 12, .device = number(8, 1), .generation = 7}, .offset = 0, .limit = 0, .file_system = kUuid};
  CHECK(identity_of(read_block_devices(sources), number(7, 3), "host") ==
        "file:12345678-9abc-def0-0102-030405060708:12:7");
  known.backing->offset = 1048576;
  CHECK(identity_of(read_block_devices(sources), number(7, 3), "host") ==
        "file:12345678-9abc-def0-0102-030405060708:12:7@1048576+4096");
  // The number is another's between the look into sysfs and the question.
  known.device = number(7, 4);
  CHECK_FALSE(read_block_device(sources, number(7, 3)).ok());
}

}  // namespace
}  // namespace bulkhead::storage
