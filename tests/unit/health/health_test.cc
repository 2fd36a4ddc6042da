#include "agent/health/health.h"

#include <unistd.h>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "agent/spool/loss.h"
#include "proto/batch/batch.h"

using namespace bulkhead;

namespace {

// Everything a reporter is told, to be changed between two reports.
struct Figures {
  v1::ProbeCounters open;
  std::map<v1::Probe, std::uint64_t> malformed;
  spool::Statistics spool;
  health::InventoryState inventory{.connected = true, .error = ""};
  spool::Moment now{.wall_ns = 1'780'000'000'000'000'000, .boot_ns = 1000};

  Figures() { open.set_probe(v1::PROBE_DISK_FILE_OPEN); }

  health::Sources sources() {
    return {.counters = [this] { return std::vector{open}; },
            .malformed = [this] { return malformed; },
            .spool = [this] { return spool; },
            .inventory = [this] { return inventory; },
            .policy_sha256 = [] { return std::string("abc"); },
            .resident_bytes = [] { return std::uint64_t{4711}; },
            .clock = [this] { return now; }};
  }
};

}  // namespace

TEST_CASE("A report holds what every stage counted") {
  Figures figures;
  health::Reporter reporter(figures.sources());
  figures.open.set_seen(100);
  figures.open.set_suppressed(60);
  figures.open.set_emitted(39);
  figures.open.set_lost(1);
  figures.open.set_decoded(38);
  figures.malformed = {{v1::PROBE_DISK_FILE_OPEN, 1}, {v1::PROBE_UNSPECIFIED, 2}};
  figures.spool.spooled = {{v1::PROBE_DISK_FILE_OPEN, 37}, {v1::PROBE_AGENT, 4}};
  figures.spool.spooled_through = 41;
  figures.spool.acknowledged_through = 30;
  figures.spool.bytes = 5000;
  figures.spool.dropped_events = 3;
  figures.inventory = {.connected = false, .error = "libvirt: connection refused"};
  const v1::Health health = reporter.report().health;
  REQUIRE(health.counters_size() == 2);
  CHECK(health.counters(0).seen() == 100);
  CHECK(health.counters(0).decoded() == 38);
  CHECK(health.counters(0).spooled() == 37);
  CHECK(health.counters(1).probe() == v1::PROBE_AGENT);
  CHECK(health.counters(1).spooled() == 4);
  CHECK(health.malformed() == 3);
  CHECK(health.policy_sha256() == "abc");
  CHECK(health.spooled_through() == 41);
  CHECK(health.acknowledged_through() == 30);
  CHECK(health.spool_bytes() == 5000);
  CHECK(health.spool_dropped_events() == 3);
  CHECK(health.resident_bytes() == 4711);
  CHECK_FALSE(health.inventory_connected());
  CHECK(health.inventory_error() == "libvirt: connection refused");
  CHECK(health.time().seconds() == 1'780'000'000);
}

TEST_CASE("A loss is stated when it grows, by how much and over which time") {
  Figures figures;
  health::Reporter reporter(figures.sources());
  figures.now.boot_ns = 2000;
  CHECK(reporter.report().losses.empty());
  figures.open.set_lost(5);
  figures.now.boot_ns = 3000;
  const auto losses = reporter.report().losses;
  REQUIRE(losses.size() == 1);
  CHECK(losses[0].probe() == v1::PROBE_AGENT);
  CHECK(losses[0].object().kind() == v1::OBJECT_KIND_PROBE);
  CHECK(losses[0].object().id() == "disk.file_open");
  CHECK(losses[0].object().tenant() == "host");
  CHECK(losses[0].loss().probe() == v1::PROBE_DISK_FILE_OPEN);
  CHECK(losses[0].loss().count() == 5);
  CHECK(losses[0].loss().place() == v1::Loss::PLACE_KERNEL);
  CHECK(losses[0].loss().window_start_ns() == 2000);
  CHECK(losses[0].loss().window_end_ns() == 3000);
  CHECK(losses[0].boot_time_ns() == 3000);
  CHECK(reporter.report().losses.empty());
  figures.open.set_lost(7);
  REQUIRE(reporter.report().losses.size() == 1);
}

TEST_CASE("A loss before the first report is stated from the beginning of the run") {
  Figures figures;
  health::Reporter reporter(figures.sources());
  figures.open.set_lost(1);
  figures.now.boot_ns = 9000;
  const auto losses = reporter.report().losses;
  REQUIRE(losses.size() == 1);
  CHECK(losses[0].loss().window_start_ns() == 1000);
}

TEST_CASE("Losses in the kernel and in decoding are stated apart") {
  Figures figures;
  health::Reporter reporter(figures.sources());
  figures.open.set_lost(2);
  figures.malformed[v1::PROBE_DISK_FILE_OPEN] = 3;
  const auto losses = reporter.report().losses;
  REQUIRE(losses.size() == 2);
  CHECK(losses[0].loss().place() == v1::Loss::PLACE_KERNEL);
  CHECK(losses[1].loss().place() == v1::Loss::PLACE_DECODE);
  CHECK(losses[1].loss().count() == 3);
}

TEST_CASE("A count that begins again is no loss until it grows") {
  Figures figures;
  health::Reporter reporter(figures.sources());
  figures.open.set_lost(10);
  REQUIRE(reporter.report().losses.size() == 1);
  figures.open.set_lost(0);
  CHECK(reporter.report().losses.empty());
  figures.open.set_lost(4);
  const auto losses = reporter.report().losses;
  REQUIRE(losses.size() == 1);
  CHECK(losses[0].loss().count() == 4);
}

TEST_CASE("A statement of loss can be packed") {
  Figures figures;
  health::Reporter reporter(figures.sources());
  figures.open.set_lost(1);
  batch::Packer packer("host", "boot", 1);
  REQUIRE(packer.add(reporter.report().losses.at(0)).ok());
  CHECK(batch::validate(packer.finish()).ok());
}

TEST_CASE("Resident memory is read from statm in pages, and 0 when it cannot be had") {
  const auto path = std::filesystem::temp_directory_path() / ("bulkhead-statm-" + std::to_string(::getpid()));
  std::ofstream(path) << "9000 25 300 1 0 2 0\n";
  CHECK(health::resident_bytes(path) == 25u * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
  std::ofstream(path) << "nonsense\n";
  CHECK(health::resident_bytes(path) == 0);
  std::filesystem::remove(path);
  CHECK(health::resident_bytes(path) == 0);
  CHECK(health::resident_bytes() > 1 << 20);
}
