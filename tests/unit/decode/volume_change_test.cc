#include <catch2/catch.hpp>
#include <cstring>
#include <string>
#include <vector>

#include "agent/decode/decoder.h"
#include "ebpf/records/record.h"

namespace bulkhead::decode {
namespace {

using namespace std::string_literals;

bh_volume_change_record raw_change(std::uint16_t path_length, std::uint16_t other_length) {
  bh_volume_change_record raw = {};
  raw.header.kind = BH_RECORD_VOLUME_CHANGE;
  raw.header.probe = BH_PROBE_DISK_VOLUME_CHANGE;
  raw.file = {.inode = 1, .device = 2, .generation = 3, .is_block = 0, .padding = 0};
  raw.change = BH_CHANGE_RENAMED;
  raw.result = -1;
  raw.length = 7;
  raw.path_length = path_length;
  raw.other_length = other_length;
  return raw;
}

absl::StatusOr<Record> decode_change(bh_volume_change_record raw, const std::string& tail) {
  raw.header.size = static_cast<std::uint16_t>(sizeof(raw) + tail.size());
  std::vector<std::byte> bytes(raw.header.size);
  std::memcpy(bytes.data(), &raw, sizeof(raw));
  std::memcpy(bytes.data() + sizeof(raw), tail.data(), tail.size());
  return decode(bytes);
}

TEST_CASE("a change of a volume says which, what, and both names") {
  bh_volume_change_record raw = raw_change(8, 8);
  raw.header.flags = BH_FLAG_OTHER_PATH_CUT | BH_FLAG_TRUSTED;
  const auto record = decode_change(raw, "one\0dir\0new\0dir\0"s);
  REQUIRE(record.ok());
  const auto& changed = std::get<VolumeChangeRecord>(*record);
  CHECK(changed.header.trusted);
  CHECK(changed.path == "/dir/one");
  CHECK(changed.change.other_path() == "…/dir/new");
  CHECK(changed.change.kind() == v1::VOLUME_CHANGE_KIND_RENAMED);
  CHECK(changed.change.result() == -1);
  CHECK(changed.change.length() == 7);
  CHECK(changed.change.inode() == 1);
  CHECK(changed.change.device() == 2);
  CHECK(changed.change.generation() == 3);
  CHECK_FALSE(changed.change.block_device());
}

TEST_CASE("a change of a volume without names has none") {
  const auto record = decode_change(raw_change(0, 0), "");
  REQUIRE(record.ok());
  CHECK(std::get<VolumeChangeRecord>(*record).path.empty());
  CHECK(std::get<VolumeChangeRecord>(*record).change.other_path().empty());
}

TEST_CASE("a change of a volume whose names are longer than the record is refused") {
  CHECK_FALSE(decode_change(raw_change(8, 8), "one\0dir\0new\0dir"s).ok());
  CHECK_FALSE(decode_change(raw_change(0xffff, 0xffff), "one\0dir\0"s).ok());
}

TEST_CASE("a change of a volume of an unknown kind is refused") {
  bh_volume_change_record raw = raw_change(0, 0);
  raw.change = GENERATE(0u, 10u, 0xffffffffu);
  CHECK_FALSE(decode_change(raw, "").ok());
}

}  // namespace
}  // namespace bulkhead::decode
