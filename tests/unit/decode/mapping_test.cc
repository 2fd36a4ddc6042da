#include <catch2/catch.hpp>
#include <cstring>
#include <string>
#include <vector>

#include "agent/decode/decoder.h"
#include "ebpf/records/record.h"

namespace bulkhead::decode {
namespace {

using namespace std::string_literals;

absl::StatusOr<Record> decode_mapping_of(std::uint32_t act, const std::string& text, std::size_t claimed) {
  bh_mapping_record raw = {};
  raw.header.kind = BH_RECORD_VOLUME_MAPPING;
  raw.header.probe = BH_PROBE_DISK_MAPPING;
  raw.header.size = static_cast<std::uint16_t>(sizeof(raw) + text.size());
  raw.act = act;
  raw.device = 8 << 20 | 1;
  raw.read_only = 1;
  raw.uuid[0] = 0x12;
  std::memset(raw.type, 'x', sizeof(raw.type));
  raw.text_length = static_cast<std::uint16_t>(claimed);
  std::vector<std::byte> bytes(raw.header.size);
  std::memcpy(bytes.data(), &raw, sizeof(raw));
  std::memcpy(bytes.data() + sizeof(raw), text.data(), text.size());
  return decode(bytes);
}

std::uint32_t device_of(const std::string& event) {
  const auto record = decode_mapping_of(BH_MAPPING_BLOCK_EVENT, event, event.size());
  REQUIRE(record.ok());
  CHECK_FALSE(std::get<MappingRecord>(*record).is_mount);
  return std::get<MappingRecord>(*record).device;
}

TEST_CASE("a kernel's event names its device by number, and any device when it names none") {
  CHECK(device_of("change@/devices/virtual/block/loop3\0ACTION=change\0MAJOR=7\0MINOR=3\0DEVNAME=loop3\0"s) ==
        (7u << 20 | 3));
  for (const std::string& event :
       {""s, "MAJOR=7\0"s, "MAJOR=7\0MINOR=3"s, "MAJOR=7\0MINOR=x\0"s, "MAJOR=4096\0MINOR=3\0"s, "MAJOR=7\0MINOR=-1\0"s,
        "MAJOR=7\0MINOR=1048576\0"s, "XMAJOR=7\0MINOR=3\0"s, "\0\0\0\0"s}) {
    CAPTURE(event);
    CHECK(device_of(event) == 0);
  }
}

TEST_CASE("a mount says where it is and what it is of") {
  const auto record = decode_mapping_of(BH_MAPPING_MOUNT, "stolen\0mnt\0"s, 11);
  REQUIRE(record.ok());
  const auto& mount = std::get<MappingRecord>(*record);
  CHECK(mount.is_mount);
  CHECK(mount.path == "/mnt/stolen");
  CHECK(mount.device == (8u << 20 | 1));
  CHECK(mount.read_only);
  CHECK(mount.file_system[0] == 0x12);
  CHECK(mount.type == std::string(BH_FILE_SYSTEM_NAME_LENGTH, 'x'));
}

TEST_CASE("a mapping record that is no whole record is malformed") {
  CHECK_FALSE(decode_mapping_of(BH_MAPPING_MOUNT, "mnt\0"s, 5).ok());
  CHECK_FALSE(decode_mapping_of(0, "", 0).ok());
  CHECK_FALSE(decode_mapping_of(3, "", 0).ok());
}

}  // namespace
}  // namespace bulkhead::decode
