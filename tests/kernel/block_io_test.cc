// Block I/O on devices that are volumes: who asks for it, and for whom.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "tests/kernel/loop_storage.h"
#include "tests/kernel/volume_io_host.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

constexpr std::size_t kMegabyte = std::size_t{1} << 20;
constexpr auto kBlock = v1::VOLUME_IO_LAYER_BLOCK;
constexpr auto kProbe = v1::PROBE_DISK_BLOCK_IO;

TEST_CASE("direct reads and writes of a block volume are told with their bytes", "[DISK-04]") {
  BULKHEAD_NEEDS_PROBES();
  BULKHEAD_NEEDS_LOOP();
  const LoopDevice device(8 * kMegabyte);
  VolumeIoHost host;
  host.own(device.path());
  for (const std::string method : {"pread", "pwrite", "readv", "aio-read", "aio-write", "ring-read", "ring-write"}) {
    CAPTURE(method);
    const pid_t user = host.use({"--direct", "--chunk=65536", method, device.path(), std::to_string(kMegabyte)});
    const ToldIo told = host.told(kBlock);
    const bool writes = method.ends_with("write");
    REQUIRE(told.records >= 1);
    CHECK(told.sum.bytes_written() == (writes ? kMegabyte : 0));
    CHECK(told.sum.bytes_read() == (writes ? 0 : kMegabyte));
    const decode::VolumeIoRecord& record = told.all.front();
    CHECK(record.header.probe == kProbe);
    CHECK(record.header.actor_key.tgid == static_cast<std::uint32_t>(user));
    CHECK(record.header.actor.tenant == probes::kHostNumber);
    CHECK(record.header.object.tenant == kAcme.tenant);
    CHECK(record.io.block_device());
    CHECK_FALSE(record.io.writeback());
  }
  CHECK(host.is_balanced(kProbe));
}

TEST_CASE("discards of a block volume, and zeroes that carry no data, are told apart from writes", "[DISK-04]") {
  BULKHEAD_NEEDS_PROBES();
  BULKHEAD_NEEDS_LOOP();
  const LoopDevice device(8 * kMegabyte);
  VolumeIoHost host;
  host.own(device.path());
  const std::string method = GENERATE("discard", "zero");
  CAPTURE(method);
  host.use({method, device.path(), std::to_string(kMegabyte)});
  const ToldIo told = host.told(kBlock);
  REQUIRE(told.records >= 1);
  // A device that cannot zero is written zeroes to, once it has said so.
  const std::uint64_t all = told.sum.bytes_discarded() + told.sum.bytes_written();
  CHECK((all == kMegabyte || (method == "zero" && all == 2 * kMegabyte)));
  if (method == "discard") CHECK(told.sum.bytes_written() == 0);
}

TEST_CASE("a file read off a mounted block volume reaches the volume", "[DISK-04]") {
  BULKHEAD_NEEDS_PROBES();
  BULKHEAD_NEEDS_LOOP();
  const DiskFileSystem disk;
  const std::string file = disk.path() + "/secret";
  std::ofstream(file) << std::string(kMegabyte, 's');
  VolumeIoHost host;
  host.own(disk.device());
  host.use({"--direct", "pread", file, std::to_string(kMegabyte)});
  const ToldIo told = host.told(kBlock);
  REQUIRE(told.records >= 1);
  CHECK(told.sum.bytes_read() >= kMegabyte);
}

TEST_CASE("a tenant's own block I/O is counted and not told", "[DISK-04][twin]") {
  BULKHEAD_NEEDS_PROBES();
  BULKHEAD_NEEDS_LOOP();
  const LoopDevice device(8 * kMegabyte);
  VolumeIoHost host;
  host.own(device.path());
  host.use_as(kAcme, {"--direct", "--chunk=4096", "--times=40", "pread", device.path(), std::to_string(kMegabyte)});
  host.use_as(kAcme, {"--direct", "pwrite", device.path(), std::to_string(kMegabyte)});
  CHECK(host.told(kBlock).records == 0);
  const v1::ProbeCounters counters = host.kernel().counters_of(kProbe);
  CHECK(counters.suppressed() >= 40 * 256);
  CHECK(counters.emitted() == 0);
  CHECK(host.is_balanced(kProbe));
}

TEST_CASE("flushing what a tenant wrote into its device's cache is silent, whoever does it", "[DISK-04][twin]") {
  BULKHEAD_NEEDS_PROBES();
  BULKHEAD_NEEDS_LOOP();
  const LoopDevice device(8 * kMegabyte);
  VolumeIoHost host;
  host.own(device.path());
  // Held open by this test, so that the tenant's process does not flush it by being the last one.
  std::ifstream open(device.path());
  host.use_as(kAcme, {"pwrite", device.path(), std::to_string(kMegabyte)});
  REQUIRE(host.told(kBlock).records == 0);
  host.use({"fsync", device.path(), "1"});
  CHECK(host.told(kBlock).records == 0);
  const v1::ProbeCounters counters = host.kernel().counters_of(kProbe);
  CHECK(counters.suppressed() >= 1);
  CHECK(host.is_balanced(kProbe));
}

TEST_CASE("block I/O on devices of no tenant is not even counted", "[DISK-04][twin]") {
  BULKHEAD_NEEDS_PROBES();
  BULKHEAD_NEEDS_LOOP();
  const LoopDevice device(8 * kMegabyte);
  const LoopDevice stranger(8 * kMegabyte);
  VolumeIoHost host;
  host.own(device.path());
  host.use({"--direct", "pread", stranger.path(), std::to_string(kMegabyte)});
  CHECK(host.told(kBlock).records == 0);
  CHECK(host.kernel().counters_of(kProbe).seen() == 0);
}

}  // namespace
}  // namespace bulkhead::test
