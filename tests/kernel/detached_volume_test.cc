// What a VMM does with a volume that its domain has no more.
#include <algorithm>
#include <catch2/catch.hpp>
#include <thread>

#include "agent/ownership/detached_volumes.h"
#include "tests/kernel/attribution_host.h"
#include "tests/kernel/loop_storage.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

constexpr auto kGrace = std::chrono::nanoseconds(ownership::DetachedVolumes::kGraceNs);

// A process that stands for the VMM of globex-1, reads its disk each time that it is told to, and keeps it open.
struct Vmm {
  Vmm(AttributionHost& host, const std::string& path, const std::string& tenant = "globex")
      : process(start_subject({"volume_user", "--wait", "--each", "--times=9", "pread", path, "65536"})),
        definition(domain("globex-1", tenant)) {
    REQUIRE(process.read_line(kPatience).ok());
    definition.vmm_pid = static_cast<std::uint32_t>(process.pid());
    definition.emulator = stage::program_directory() + "/subjects/volume_user";
    definition.volumes = {volume(path)};
    host.ownership->apply(snapshot_of({definition}));
  }

  void read() {
    REQUIRE(process.write_line("go").ok());
    REQUIRE(process.read_line(kPatience).ok());
  }

  stage::ChildProcess process;
  inventory::Domain definition;
};

std::vector<v1::Event> told_by(AttributionHost& host, v1::Event::PayloadCase payload) {
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  host.kernel.probes().tend();
  std::vector<v1::Event> events = host.events();
  std::erase_if(events, [payload](const v1::Event& event) { return event.payload_case() != payload; });
  return events;
}

TEST_CASE("a VMM that reads on after its disk was unplugged is told, and not while it lets go of it", "[DISK-09]") {
  BULKHEAD_NEEDS_PROBES();
  BULKHEAD_NEEDS_LOOP();
  const DiskFileSystem disk;
  TemporaryDirectory images(disk.path());
  const std::string path = images.file("disk.raw", 65536);
  AttributionHost host(v1::PROBE_DISK_VOLUME_IO);
  Vmm vmm(host, path);
  vmm.read();
  CHECK(told_by(host, v1::Event::kVolumeIo).empty());
  vmm.definition.volumes.clear();
  host.ownership->apply(snapshot_of({vmm.definition}));
  vmm.read();
  CHECK(told_by(host, v1::Event::kVolumeIo).empty());

  std::this_thread::sleep_for(kGrace);
  vmm.read();
  const auto events = told_by(host, v1::Event::kVolumeIo);
  REQUIRE(events.size() == 1);
  CHECK(events.front().volume_io().after_detach());
  CHECK(events.front().volume_io().bytes_read() == 65536);
  CHECK(events.front().actor().domain_name() == "globex-1");
  CHECK(events.front().object().tenant() == "globex");
  CHECK(events.front().object().id() == path);
  // The volume is nobody's: others may use it.
  REQUIRE(run_subject({"volume_user", "pread", path, "65536"}) == 0);
  CHECK(told_by(host, v1::Event::kVolumeIo).empty());
  CHECK(host.events().empty());
}

TEST_CASE("a VMM that reads what is another tenant's by now is told with both tenants", "[DISK-09]") {
  BULKHEAD_NEEDS_PROBES();
  BULKHEAD_NEEDS_LOOP();
  const DiskFileSystem disk;
  TemporaryDirectory images(disk.path());
  const std::string path = images.file("disk.raw", 65536);
  AttributionHost host(v1::PROBE_DISK_VOLUME_IO);
  Vmm vmm(host, path);
  vmm.definition.volumes.clear();
  inventory::Domain next = domain("acme-1", "acme");
  host.ownership->apply(snapshot_of({vmm.definition}));
  next.volumes = {volume(path)};
  host.ownership->apply(snapshot_of({vmm.definition, next}));
  vmm.read();
  CHECK(told_by(host, v1::Event::kVolumeIo).empty());
  std::this_thread::sleep_for(kGrace);
  vmm.read();
  const auto events = told_by(host, v1::Event::kVolumeIo);
  REQUIRE(events.size() == 1);
  CHECK(events.front().volume_io().after_detach());
  CHECK(events.front().actor().tenant() == "globex");
  CHECK(events.front().object().tenant() == "acme");
  CHECK(events.front().object().domain_name() == "acme-1");
}

TEST_CASE("a disk that is plugged in again is its domain's own again", "[DISK-09][twin]") {
  BULKHEAD_NEEDS_PROBES();
  BULKHEAD_NEEDS_LOOP();
  const DiskFileSystem disk;
  TemporaryDirectory images(disk.path());
  const std::string path = images.file("disk.raw", 65536);
  AttributionHost host(v1::PROBE_DISK_VOLUME_IO);
  Vmm vmm(host, path);
  vmm.definition.volumes.clear();
  host.ownership->apply(snapshot_of({vmm.definition}));
  vmm.definition.volumes = {volume(path)};
  host.ownership->apply(snapshot_of({vmm.definition}));
  std::this_thread::sleep_for(kGrace);
  vmm.read();
  CHECK(told_by(host, v1::Event::kVolumeIo).empty());
}

TEST_CASE("a sweep finds a disk that a VMM still holds after its detach, and not before", "[DISK-09]") {
  BULKHEAD_NEEDS_PROBES();
  const TemporaryDirectory images;
  const std::string path = images.file("disk.raw", 65536);
  AttributionHost host(v1::PROBE_HOST_SWEEP);
  const auto sweep = host.kernel.probes().host_sweep();
  REQUIRE(sweep != nullptr);
  Vmm vmm(host, path);
  REQUIRE(sweep->judge().ok());
  vmm.definition.volumes.clear();
  host.ownership->apply(snapshot_of({vmm.definition}));
  REQUIRE(sweep->judge().ok());
  CHECK(told_by(host, v1::Event::kHolding).empty());
  std::this_thread::sleep_for(kGrace);
  REQUIRE(sweep->judge().ok());
  const auto events = told_by(host, v1::Event::kHolding);
  REQUIRE(events.size() == 1);
  CHECK(events.front().holding().after_detach());
  CHECK(events.front().holding().kind() == v1::HOLDING_KIND_DESCRIPTOR);
  CHECK(events.front().actor().domain_name() == "globex-1");
  CHECK(events.front().object().id() == path);
}

}  // namespace
}  // namespace bulkhead::test
