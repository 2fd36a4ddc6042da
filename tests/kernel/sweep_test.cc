// MEM-03, MEM-05, MEM-06, DISK-01 and CTRL-06 by sweeps: what no call showed, because it was before the probes or
// because a descriptor came by another way.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <optional>
#include <thread>

#include "agent/ownership/guest_memory.h"
#include "tests/kernel/descriptor_gift.h"
#include "tests/kernel/owned_victim.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

using decode::HoldingRecord;

const std::vector<v1::Probe> kWatched = {v1::PROBE_HOST_SWEEP};

// A host whose processes are swept when a test says so.
struct SweptHost : KernelHost {
  SweptHost() : KernelHost(kWatched), sweep(probes().host_sweep()) { REQUIRE(sweep != nullptr); }

  // What one sweep tells about that process.
  std::vector<HoldingRecord> holdings_of(const stage::ChildProcess& process) {
    REQUIRE(sweep->judge() == absl::OkStatus());
    auto records = only<HoldingRecord>(collect_until_marker());
    std::erase_if(records, [&](const HoldingRecord& record) {
      return record.header.actor_key.tgid != static_cast<std::uint32_t>(process.pid());
    });
    return records;
  }

  void own(const stage::ChildProcess& process, probes::Owner owner) {
    const auto key = maps().process(static_cast<std::uint32_t>(process.pid()));
    REQUIRE(key.ok());
    REQUIRE(maps().set_vmm(*key, owner, false).ok());
  }

  std::unique_ptr<probes::HostSweep> sweep;
};

stage::ChildProcess start_holder(std::vector<std::string> words) {
  words.insert(words.begin(), "holder");
  stage::ChildProcess holder = start_subject(std::move(words));
  const auto line = holder.read_line(kPatience);
  REQUIRE(line.status() == absl::OkStatus());
  INFO(*line);
  REQUIRE(line->starts_with("done"));
  return holder;
}

// A subject that got `path` by that way, when nobody watched.
stage::ChildProcess hold(const std::string& way, const std::string& path) {
  if (way == "map-writable") return start_holder({"--write", "map", path});
  if (way != "receive") return start_holder({way, path});
  DescriptorGift gift;
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  gift.send(file);
  close(file);
  REQUIRE(gift.receiver().read_line(kPatience).ok());
  return std::move(gift).take_receiver();
}

probes::FileKey own_volume(KernelHost& host, const std::string& path, probes::Owner owner = kAcme) {
  const auto key = host.maps().file_key(path);
  REQUIRE(key.ok());
  REQUIRE(host.maps().set_volume(*key, owner).ok());
  return *key;
}

bool no_volume(const probes::FileKey&) {
  return false;
}

bool is_mapping(const std::string& way) {
  return way.starts_with("map");
}

}  // namespace

TEST_CASE("a volume that a process has since before the probes, or got by no open, is told", "[DISK-01]") {
  BULKHEAD_NEEDS_PROBES();
  const TemporaryDirectory directory;
  const std::string path = directory.file("volume.raw", 8192);
  const std::string way = GENERATE("open", "dup", "exec", "receive", "map", "map-private", "map-writable");
  CAPTURE(way);
  const stage::ChildProcess holder = hold(way, path);
  SweptHost host;
  const probes::FileKey key = own_volume(host, path);

  const auto held = host.holdings_of(holder);
  REQUIRE(held.size() == 1);
  const HoldingRecord& record = held.front();
  CHECK(record.header.probe == v1::PROBE_HOST_SWEEP);
  CHECK(record.header.actor.tenant == probes::kHostNumber);
  CHECK(record.header.object.tenant == kAcme.tenant);
  CHECK(record.header.object.domain == kAcme.domain);
  CHECK_FALSE(record.header.trusted);
  CHECK(record.held == v1::OBJECT_KIND_VOLUME);
  CHECK(record.path == path);
  CHECK(record.holding.inode() == key.inode);
  CHECK(record.holding.device() == key.device);
  CHECK(record.holding.generation() == key.generation);
  CHECK(record.holding.kind() == (is_mapping(way) ? v1::HOLDING_KIND_MAPPING : v1::HOLDING_KIND_DESCRIPTOR));
  CHECK(record.holding.mapped_bytes() == (is_mapping(way) ? 8192 : 0));
  CHECK(record.holding.writable() == (way == "map-writable"));
  CHECK((record.holding.open_flags() & O_ACCMODE) == O_RDONLY);
  if (!is_mapping(way)) {
    const std::string link = "/proc/" + std::to_string(holder.pid()) + "/fd/";
    CHECK(std::filesystem::read_symlink(link + std::to_string(record.holding.descriptor_number())) == path);
  }
}

TEST_CASE("what was told is told once, and again when it went and came back", "[DISK-01]") {
  BULKHEAD_NEEDS_PROBES();
  const TemporaryDirectory directory;
  const std::string path = directory.file("volume.raw");
  const stage::ChildProcess holder = hold("open", path);
  SweptHost host;
  const probes::FileKey key = own_volume(host, path);
  CHECK(host.holdings_of(holder).size() == 1);
  CHECK(host.holdings_of(holder).empty());
  CHECK(host.holdings_of(holder).empty());
  v1::ProbeCounters counters = host.counters_of(v1::PROBE_HOST_SWEEP);
  CHECK(counters.coalesced() >= 2);

  host.maps().remove_volume(key);
  CHECK(host.holdings_of(holder).empty());
  own_volume(host, path);
  CHECK(host.holdings_of(holder).size() == 1);
  counters = host.counters_of(v1::PROBE_HOST_SWEEP);
  CHECK(counters.seen() == counters.suppressed() + counters.coalesced() + counters.emitted() + counters.lost());
}

TEST_CASE("a tenant's own process has its volume and its memory in silence", "[DISK-01][MEM-05][twin]") {
  BULKHEAD_NEEDS_PROBES();
  const TemporaryDirectory directory;
  const std::string path = directory.file("volume.raw");
  const std::string memory = directory.file("memory", 65536);
  const stage::ChildProcess opener = hold("open", path), mapper = hold("map-writable", memory);
  SweptHost host;
  own_volume(host, path);
  host.own(opener, kAcme);
  host.own(mapper, kAcme);
  REQUIRE(host.maps().set_guest_memory(*host.maps().file_key(memory), kAcme).ok());
  CHECK(host.holdings_of(opener).empty());
  CHECK(host.holdings_of(mapper).empty());
  CHECK(host.counters_of(v1::PROBE_HOST_SWEEP).suppressed() >= 4);
}

TEST_CASE("files of no tenant are held in silence", "[DISK-01][MEM-05][twin]") {
  BULKHEAD_NEEDS_PROBES();
  const TemporaryDirectory directory;
  const stage::ChildProcess opener = hold("open", directory.file("stranger"));
  const stage::ChildProcess mapper = hold("map-writable", directory.file("other"));
  const stage::ChildProcess memory = start_holder({"memory", "guest", "65536"});
  SweptHost host;
  CHECK(host.holdings_of(opener).empty());
  CHECK(host.holdings_of(mapper).empty());
  CHECK(host.holdings_of(memory).empty());
}

TEST_CASE("a trusted program's descriptor of a volume is told as trusted", "[DISK-01][twin]") {
  BULKHEAD_NEEDS_PROBES();
  const TemporaryDirectory directory;
  const std::string path = directory.file("volume.raw");
  const stage::ChildProcess holder = hold("open", path);
  SweptHost host;
  own_volume(host, path);
  const auto program = host.maps().file_key(stage::program_directory() + "/subjects/holder");
  REQUIRE(host.maps().set_trusted(*program, {.may_open_volumes = true}).ok());
  const auto held = host.holdings_of(holder);
  REQUIRE(held.size() == 1);
  CHECK(held.front().header.trusted);
}

TEST_CASE("a descriptor of /proc/PID/mem is told with the VMM whose memory it is", "[MEM-03]") {
  BULKHEAD_NEEDS_PROBES();
  const Victim victim = start_victim();
  const std::string path = "/proc/" + std::to_string(victim.process.pid()) + "/mem";
  const std::string way = GENERATE("open", "dup", "exec", "receive");
  CAPTURE(way);
  const stage::ChildProcess holder = hold(way, path);
  SweptHost host;
  const auto key = host.maps().process(static_cast<std::uint32_t>(victim.process.pid()));
  CHECK(host.holdings_of(holder).empty());
  host.own(victim.process, kAcme);
  const auto held = host.holdings_of(holder);
  REQUIRE(held.size() == 1);
  CHECK(held.front().held == v1::OBJECT_KIND_GUEST_MEMORY);
  CHECK(held.front().target_tgid == key->tgid);
  CHECK(held.front().target_start_ns == key->start_ns);
  CHECK(held.front().header.object.domain == kAcme.domain);
  CHECK(held.front().holding.kind() == v1::HOLDING_KIND_DESCRIPTOR);
}

TEST_CASE("a VMM's shared memory is found, by a memfd or by a file, and its private and read-only mappings are not",
          "[MEM-05]") {
  BULKHEAD_NEEDS_PROBES();
  const TemporaryDirectory shared("/dev/shm");
  const std::string path = shared.file("guest", 16384);
  const stage::ChildProcess memfd = start_holder({"memory", "guest", "65536"});
  const stage::ChildProcess file = hold("map-writable", path);
  const stage::ChildProcess read_only = hold("map", shared.file("library"));
  const stage::ChildProcess private_one = start_holder({"--write", "map-private", shared.file("rom")});
  SweptHost host;
  CHECK(host.sweep->guest_memory()->empty());
  for (const auto* vmm : {&memfd, &file, &read_only, &private_one}) host.own(*vmm, kAcme);

  const auto claims = host.sweep->guest_memory();
  REQUIRE(claims.status() == absl::OkStatus());
  REQUIRE(claims->size() == 2);
  const auto of = [&](const stage::ChildProcess& process) {
    return *std::ranges::find(*claims, static_cast<std::uint32_t>(process.pid()),
                              [](const probes::MemoryClaim& claim) { return claim.vmm.tgid; });
  };
  CHECK(of(memfd).path == "/memfd:guest");
  CHECK(of(memfd).bytes == 65536);
  CHECK(of(memfd).owner == kAcme);
  CHECK(of(file).path == path);
  CHECK(of(file).bytes == 16384);
  CHECK(of(file).key == *host.maps().file_key(path));
}

TEST_CASE("guest memory that another process opens, holds or maps through the VMM's descriptor is told", "[MEM-05]") {
  BULKHEAD_NEEDS_PROBES();
  stage::ChildProcess vmm = start_subject({"holder", "memory", "guest", "65536"});
  const std::string descriptor = vmm.read_line(kPatience)->substr(std::string("done memory ").size());
  const std::string path = "/proc/" + std::to_string(vmm.pid()) + "/fd/" + descriptor;
  SweptHost host;
  host.own(vmm, kAcme);
  const auto claims = host.sweep->guest_memory();
  REQUIRE(claims->size() == 1);
  REQUIRE(host.maps().set_guest_memory(claims->front().key, claims->front().owner).ok());

  const stage::ChildProcess opener = hold("open", path);
  const auto opens = only<decode::FileOpenRecord>(host.collect_until_marker());
  REQUIRE(opens.size() == 1);
  CHECK(opens.front().is_guest_memory);
  CHECK(opens.front().path == "/memfd:guest");
  CHECK(opens.front().header.object.tenant == kAcme.tenant);

  const stage::ChildProcess mapper = hold("map-writable", path);
  const auto held = host.holdings_of(opener);
  REQUIRE(held.size() == 1);
  CHECK(held.front().held == v1::OBJECT_KIND_GUEST_MEMORY);
  CHECK(held.front().target_tgid == 0);
  const stage::ChildProcess late = hold("map", path);
  const auto mapped = host.holdings_of(late);
  REQUIRE(mapped.size() == 1);
  CHECK(mapped.front().holding.kind() == v1::HOLDING_KIND_MAPPING);
  CHECK(mapped.front().holding.mapped_bytes() == 65536);
  CHECK_FALSE(mapped.front().holding.writable());
}

TEST_CASE("guest memory that VMMs of two tenants map is told of the one that is not its owner", "[MEM-06]") {
  BULKHEAD_NEEDS_PROBES();
  const TemporaryDirectory shared("/dev/shm");
  const std::string path = shared.file("ivshmem", 16384);
  const stage::ChildProcess owner = hold("map-writable", path), sister = hold("map-writable", path),
                            other = hold("map-writable", path);
  SweptHost host;
  host.own(owner, kAcme);
  host.own(sister, {.tenant = kAcme.tenant, .domain = 12});
  host.own(other, kGlobex);
  ownership::GuestMemory memory(host.maps());
  memory.apply(*host.sweep->guest_memory(), no_volume);
  CHECK(memory.name_of(*host.maps().file_key(path)) == path);
  const auto held = host.holdings_of(other);
  REQUIRE(held.size() == 1);
  CHECK(held.front().header.actor.tenant == kGlobex.tenant);
  CHECK(held.front().header.object.tenant == kAcme.tenant);
  CHECK(held.front().holding.writable());
  CHECK(host.holdings_of(sister).empty());
  CHECK(host.holdings_of(owner).empty());
}

TEST_CASE("guest memory belongs to who was first, also when others of its tenant go on with it", "[MEM-06]") {
  BULKHEAD_NEEDS_PROBES();
  const TemporaryDirectory shared("/dev/shm");
  const std::string path = shared.file("ivshmem", 16384);
  std::optional<stage::ChildProcess> first = hold("map-writable", path);
  const stage::ChildProcess other = hold("map-writable", path);
  std::optional<stage::ChildProcess> sister = hold("map-writable", path);
  SweptHost host;
  ownership::GuestMemory memory(host.maps());
  const auto sweep = [&] { memory.apply(*host.sweep->guest_memory(), no_volume); };
  host.own(other, kGlobex);
  host.own(*sister, kAcme);
  host.own(*first, kAcme);
  sweep();
  CHECK(host.holdings_of(other).size() == 1);
  first.reset();
  sweep();  // what is left of its tenant started last
  CHECK(host.holdings_of(*sister).empty());
  sister.reset();
  sweep();
  const auto suppressed = host.counters_of(v1::PROBE_HOST_SWEEP).suppressed();
  CHECK(host.holdings_of(other).empty());
  CHECK(host.counters_of(v1::PROBE_HOST_SWEEP).suppressed() == suppressed + 1);
  CHECK(memory.name_of(*host.maps().file_key(path)) == path);
}

TEST_CASE("memory that no VMM has any more is nobody's, and a volume stays a volume", "[MEM-05][twin]") {
  BULKHEAD_NEEDS_PROBES();
  const TemporaryDirectory shared("/dev/shm");
  const std::string path = shared.file("guest", 16384), volume = shared.file("volume", 16384);
  std::optional<stage::ChildProcess> vmm = hold("map-writable", path);
  const stage::ChildProcess of_volume = hold("map-writable", volume), opener = hold("open", path),
                            thief = hold("open", volume);
  SweptHost host;
  const probes::FileKey volume_key = own_volume(host, volume);
  host.own(*vmm, kAcme);
  host.own(of_volume, kAcme);
  ownership::GuestMemory memory(host.maps());
  const auto sweep = [&] {
    memory.apply(*host.sweep->guest_memory(), [&](const probes::FileKey& key) { return key == volume_key; });
  };
  sweep();
  CHECK(host.holdings_of(opener).size() == 1);
  const auto held = host.holdings_of(thief);
  CHECK(held.empty());  // the sweep before told it
  vmm.reset();
  sweep();
  CHECK(memory.name_of(*host.maps().file_key(path)).empty());
  REQUIRE(run_subject({"file_opener", "openat", path}) == 0);
  REQUIRE(run_subject({"file_opener", "openat", volume}) == 0);
  const auto opens = only<decode::FileOpenRecord>(host.collect_until_marker());
  REQUIRE(opens.size() == 1);
  CHECK(opens.front().path == volume);
  CHECK_FALSE(opens.front().is_guest_memory);
}

TEST_CASE("an emulator that runs outside every domain is told after its grace, and a domain's is not", "[CTRL-06]") {
  BULKHEAD_NEEDS_PROBES();
  const TemporaryDirectory directory;
  const std::string file = directory.file("any");
  const stage::ChildProcess foreign = hold("open", file), domains = hold("open", file);
  SweptHost host;
  const std::string program = stage::program_directory() + "/subjects/holder";
  REQUIRE(host.maps().set_emulator(*host.maps().file_key(program)).ok());
  host.own(domains, kAcme);
  CHECK(host.holdings_of(foreign).empty());  // libvirt's own probes of an emulator live no longer
  std::this_thread::sleep_for(std::chrono::seconds(20));
  const stage::ChildProcess young = hold("open", file);
  const auto held = host.holdings_of(foreign);
  REQUIRE(held.size() == 1);
  CHECK(held.front().held == v1::OBJECT_KIND_VIRTUAL_MACHINE);
  CHECK(held.front().header.object.tenant == probes::kHostNumber);
  CHECK(held.front().path == std::filesystem::canonical(program));
  host.holdings_of(domains);
  CHECK(host.counters_of(v1::PROBE_HOST_SWEEP).emitted() == 1);
}

}  // namespace bulkhead::test
