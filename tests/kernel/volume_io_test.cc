// Reads and writes of volumes at the file: what is told of them, exactly or in pages.
#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/kernel/loop_storage.h"
#include "tests/kernel/volume_io_host.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

constexpr std::size_t kMegabyte = std::size_t{1} << 20;
constexpr auto kFile = v1::VOLUME_IO_LAYER_FILE;

// An image of a megabyte on a disk file system, clean in the page cache.
struct Image {
  explicit Image(const std::string& type = "ext4") : disk(type) { path = make("volume.raw"); }

  std::string make(const std::string& name) const {
    const std::string file = disk.path() + "/" + name;
    run_dd({"dd", "if=/dev/zero", "of=" + file, "bs=64k", "count=16", "conv=fsync", "status=none"});
    return file;
  }

  static void run_dd(std::vector<std::string> words) {
    REQUIRE(stage::run_checked({.words = std::move(words), .stderr_file = "", .namespaces = {}}, kPatience).ok());
  }

  DiskFileSystem disk;
  std::string path;
};

TEST_CASE("each way of reading a volume is told once, with all that was read", "[DISK-01]") {
  BULKHEAD_NEEDS_PROBES();
  BULKHEAD_NEEDS_LOOP();
  const std::string type = GENERATE("ext4", "xfs");
  const Image image(type);
  VolumeIoHost host;
  host.own(image.path);
  for (const std::string method :
       {"read", "pread", "readv", "aio-read", "ring-read", "splice", "sendfile", "copy-from"}) {
    CAPTURE(type, method);
    // It shares the blocks instead, and reads nothing: that is a change of the volume (DISK-08).
    if (type == "xfs" && method == "copy-from") continue;
    const pid_t reader = host.use({method, image.path, std::to_string(kMegabyte), image.disk.path() + "/other"});
    const ToldIo told = host.told(kFile);
    REQUIRE(told.records >= 1);
    CHECK(told.sum.bytes_read() == kMegabyte);
    CHECK(told.sum.reads() >= 1);
    CHECK(told.sum.bytes_written() == 0);
    const decode::VolumeIoRecord& record = told.all.front();
    CHECK(record.header.probe == v1::PROBE_DISK_VOLUME_IO);
    CHECK(record.header.actor_key.tgid == static_cast<std::uint32_t>(reader));
    CHECK(record.header.object.tenant == kAcme.tenant);
    CHECK_FALSE(record.header.trusted);
    CHECK_FALSE(record.io.after_detach());
  }
  CHECK(host.is_balanced(v1::PROBE_DISK_VOLUME_IO));
}

TEST_CASE("each way of writing a volume is told once, with all that was written", "[DISK-01]") {
  BULKHEAD_NEEDS_PROBES();
  BULKHEAD_NEEDS_LOOP();
  const std::string type = GENERATE("ext4", "xfs");
  for (const std::string method : {"write", "pwrite", "writev", "aio-write", "ring-write", "copy-to"}) {
    CAPTURE(type, method);
    const Image image(type);
    const std::string other = image.make("other");
    VolumeIoHost host;
    host.own(image.path);
    host.use({method, image.path, std::to_string(kMegabyte), other});
    const ToldIo told = host.told(kFile);
    // As with copy-from.
    if (type == "xfs" && method == "copy-to") {
      CHECK(told.sum.bytes_written() == 0);
      continue;
    }
    CHECK(told.sum.bytes_written() == kMegabyte);
    CHECK(told.sum.writes() >= 1);
    CHECK(told.sum.bytes_read() == 0);
    CHECK(host.is_balanced(v1::PROBE_DISK_VOLUME_IO));
  }
}

TEST_CASE("direct reads and writes of a volume are told", "[DISK-01]") {
  BULKHEAD_NEEDS_PROBES();
  BULKHEAD_NEEDS_LOOP();
  const std::string type = GENERATE("ext4", "xfs");
  const Image image(type);
  VolumeIoHost host;
  host.own(image.path);
  for (const std::string method : {"pread", "pwrite", "aio-read", "aio-write", "ring-read", "ring-write"}) {
    CAPTURE(type, method);
    host.use({"--direct", "--chunk=65536", method, image.path, std::to_string(kMegabyte)});
    const ToldIo told = host.told(kFile);
    const bool writes = method.ends_with("write");
    CHECK(told.sum.bytes_written() == (writes ? kMegabyte : 0));
    CHECK(told.sum.bytes_read() == (writes ? 0 : kMegabyte));
    CHECK((writes ? told.sum.writes() : told.sum.reads()) == kMegabyte / 65536);
  }
}

TEST_CASE("a volume read or written through a mapping is told in pages", "[DISK-01]") {
  BULKHEAD_NEEDS_PROBES();
  BULKHEAD_NEEDS_LOOP();
  const Image image;
  VolumeIoHost host;
  host.own(image.path);
  host.use({"map-read", image.path, std::to_string(kMegabyte)});
  ToldIo told = host.told(kFile);
  CHECK(told.sum.bytes_mapped() >= kMegabyte);
  CHECK(told.sum.bytes_mapped() <= 2 * kMegabyte);
  CHECK(told.sum.bytes_written() == 0);
  host.use({"map-write", image.path, std::to_string(kMegabyte)});
  told = host.told(kFile);
  CHECK(told.sum.bytes_mapped() > 0);  // a fault brings in a whole folio where the file system has larger ones
  CHECK(told.sum.bytes_written() == kMegabyte);
}

TEST_CASE("what tools copy of a volume is told with their names, as much as they read", "[DISK-01]") {
  BULKHEAD_NEEDS_PROBES();
  BULKHEAD_NEEDS_LOOP();
  const Image image;
  const std::string same = image.make("same");
  VolumeIoHost host;
  host.own(image.path);
  const std::vector<std::vector<std::string>> tools = {
      {"dd", "if=" + image.path, "of=/dev/null", "bs=4k", "status=none"},
      {"cat", image.path},
      {"cmp", image.path, same},
      {"cp", "--reflink=never", image.path, image.disk.path() + "/copy"},
  };
  for (const std::vector<std::string>& words : tools) {
    CAPTURE(words);
    const auto done = stage::run({.words = words, .stderr_file = "", .namespaces = {}}, kPatience);
    REQUIRE(done.ok());
    REQUIRE(done->exit_status == 0);
    const ToldIo told = host.told(kFile);
    REQUIRE(told.records >= 1);
    CHECK(told.sum.bytes_read() == kMegabyte);
    CHECK(told.sum.bytes_written() == 0);
  }
}

TEST_CASE("the first read of a volume is told at once, what follows at most every second", "[DISK-01]") {
  BULKHEAD_NEEDS_PROBES();
  BULKHEAD_NEEDS_LOOP();
  const Image image;
  VolumeIoHost host;
  host.own(image.path);
  // Many, and the process has ended by the time that they are told.
  host.use({"--chunk=4096", "--times=100", "pread", image.path, std::to_string(kMegabyte)});
  const auto first = only<decode::VolumeIoRecord>(host.kernel().collect_until_marker());
  REQUIRE(first.size() == 1);
  CHECK(first.front().io.reads() == 1);
  CHECK(first.front().io.bytes_read() == 4096);
  const ToldIo told = host.told(kFile);
  REQUIRE(told.records == 1);
  CHECK(told.sum.reads() == 100 * 256 - 1);
  CHECK(told.sum.bytes_read() == 100 * kMegabyte - 4096);
  CHECK(told.all.front().io.window_ns() > 0);
  CHECK(told.all.front().header.actor_key == first.front().header.actor_key);
  const v1::ProbeCounters counters = host.kernel().counters_of(v1::PROBE_DISK_VOLUME_IO);
  CHECK(counters.emitted() == 2);
  CHECK(counters.coalesced() == 100 * 256 - 2);
  CHECK(host.is_balanced(v1::PROBE_DISK_VOLUME_IO));
  CHECK(host.told(kFile).records == 0);
}

TEST_CASE("a million reads and writes by a volume's own tenant make no record", "[DISK-01][twin]") {
  BULKHEAD_NEEDS_PROBES();
  BULKHEAD_NEEDS_LOOP();
  const Image image;
  VolumeIoHost host;
  host.own(image.path);
  const std::string method = GENERATE("pread", "pwrite");
  host.use_as(kAcme, {"--chunk=4096", "--times=1954", method, image.path, std::to_string(kMegabyte)});
  CHECK(host.told(kFile).records == 0);
  const v1::ProbeCounters counters = host.kernel().counters_of(v1::PROBE_DISK_VOLUME_IO);
  // A page that is dirty already is not seen to be written again, without tier 1.
  CHECK(counters.suppressed() >= (method == "pread" || host.exact() ? 1954 * 256 : 1));
  CHECK(counters.emitted() == 0);
  CHECK(host.is_balanced(v1::PROBE_DISK_VOLUME_IO));
}

TEST_CASE("I/O on files of no tenant is not even counted", "[DISK-01][twin]") {
  BULKHEAD_NEEDS_PROBES();
  BULKHEAD_NEEDS_LOOP();
  const Image image;
  const std::string stranger = image.make("stranger");
  VolumeIoHost host;
  host.own(image.path);
  for (const std::string method : {"pread", "pwrite", "map-read"})
    host.use({method, stranger, std::to_string(kMegabyte)});
  CHECK(host.told(kFile).records == 0);
  CHECK(host.kernel().counters_of(v1::PROBE_DISK_VOLUME_IO).seen() == 0);
}

TEST_CASE("a trusted service's reads of a volume are told as trusted", "[DISK-01][twin]") {
  BULKHEAD_NEEDS_PROBES();
  BULKHEAD_NEEDS_LOOP();
  const Image image;
  VolumeIoHost host;
  host.own(image.path);
  const auto service = host.kernel().maps().file_key(stage::program_directory() + "/subjects/volume_user");
  REQUIRE(service.ok());
  REQUIRE(host.kernel().maps().set_trusted(*service, {.may_open_volumes = true}).ok());
  host.use({"pread", image.path, std::to_string(kMegabyte)});
  const ToldIo told = host.told(kFile);
  REQUIRE(told.records >= 1);
  CHECK(told.all.front().header.trusted);
  CHECK(told.sum.bytes_read() == kMegabyte);
}

TEST_CASE("another tenant's VMM that reads a volume is told as that tenant", "[DISK-01]") {
  BULKHEAD_NEEDS_PROBES();
  BULKHEAD_NEEDS_LOOP();
  const Image image;
  VolumeIoHost host;
  host.own(image.path);
  host.use_as(kGlobex, {"pread", image.path, std::to_string(kMegabyte)});
  const ToldIo told = host.told(kFile);
  REQUIRE(told.records >= 1);
  CHECK(told.all.front().header.actor.tenant == kGlobex.tenant);
  CHECK(told.all.front().header.actor.domain == kGlobex.domain);
  CHECK(told.sum.bytes_read() == kMegabyte);
}

}  // namespace
}  // namespace bulkhead::test
