#include <catch2/catch.hpp>
#include <cstring>
#include <vector>

#include "agent/decode/decoder.h"
#include "ebpf/records/record.h"

namespace bulkhead::decode {
namespace {

bh_volume_io_record volume_io_record() {
  bh_volume_io_record raw = {};
  raw.header.kind = BH_RECORD_VOLUME_IO;
  raw.header.probe = BH_PROBE_DISK_VOLUME_IO;
  raw.header.size = sizeof(raw);
  raw.layer = BH_VOLUME_IO_FILE;
  return raw;
}

std::vector<std::byte> bytes_of(const bh_volume_io_record& raw) {
  std::vector<std::byte> bytes(sizeof(raw));
  std::memcpy(bytes.data(), &raw, sizeof(raw));
  return bytes;
}

TEST_CASE("a record of volume I/O says what was moved, of what, in which time") {
  bh_volume_io_record raw = volume_io_record();
  raw.file = {.inode = 1, .device = 2, .generation = 3, .is_block = 0, .padding = 0};
  raw.amounts = {.reads = 4, .bytes_read = 5, .writes = 6, .bytes_written = 7, .bytes_discarded = 8, .bytes_mapped = 9};
  raw.window_ns = 10;
  const auto record = decode(bytes_of(raw));
  REQUIRE(record.ok());
  const auto& moved = std::get<VolumeIoRecord>(*record);
  CHECK(moved.file == FileKey{1, 2, 3, false});
  CHECK(moved.io.layer() == v1::VOLUME_IO_LAYER_FILE);
  CHECK(moved.io.reads() == 4);
  CHECK(moved.io.bytes_read() == 5);
  CHECK(moved.io.writes() == 6);
  CHECK(moved.io.bytes_written() == 7);
  CHECK(moved.io.bytes_discarded() == 8);
  CHECK(moved.io.bytes_mapped() == 9);
  CHECK(moved.io.window_ns() == 10);
  CHECK(moved.io.inode() == 1);
  CHECK(moved.io.device() == 2);
  CHECK(moved.io.generation() == 3);
  CHECK_FALSE(moved.io.block_device());
  CHECK_FALSE(moved.io.after_detach());
  CHECK_FALSE(moved.io.writeback());
}

TEST_CASE("a record of volume I/O says that it came after the detach, or from the writeback") {
  bh_volume_io_record raw = volume_io_record();
  raw.header.flags = BH_FLAG_AFTER_DETACH;
  raw.layer = BH_VOLUME_IO_BLOCK;
  raw.flags = BH_VOLUME_IO_WRITEBACK;
  raw.file.is_block = BH_BLOCK_DEVICE;
  const auto record = decode(bytes_of(raw));
  REQUIRE(record.ok());
  const auto& moved = std::get<VolumeIoRecord>(*record);
  CHECK(moved.io.layer() == v1::VOLUME_IO_LAYER_BLOCK);
  CHECK(moved.io.block_device());
  CHECK(moved.io.after_detach());
  CHECK(moved.io.writeback());
}

TEST_CASE("a record of volume I/O that is cut off, or of no layer, is refused") {
  bh_volume_io_record raw = volume_io_record();
  raw.layer = GENERATE(0u, 3u, 0xffffffffu);
  CHECK_FALSE(decode(bytes_of(raw)).ok());
  raw = volume_io_record();
  raw.header.size = sizeof(raw) - 8;
  std::vector<std::byte> bytes = bytes_of(raw);
  bytes.resize(raw.header.size);
  CHECK_FALSE(decode(bytes).ok());
}

}  // namespace
}  // namespace bulkhead::decode
