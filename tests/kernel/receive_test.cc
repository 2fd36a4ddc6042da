// MEM-04: what belongs to a tenant and comes to another process by a descriptor that is handed over. Where the kernel
// lets us into its own check (tier 1) it is told at once, everywhere by the next sweep.
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "absl/strings/str_cat.h"
#include "tests/kernel/descriptor_gift.h"
#include "tests/kernel/owned_victim.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

using decode::FileOpenRecord;
using decode::HoldingRecord;
using decode::MemoryRecord;

const std::vector<v1::Probe> kWatched = {v1::PROBE_MEMORY_FILE_RECEIVE, v1::PROBE_HOST_SWEEP};

struct ReceivingHost : KernelHost {
  ReceivingHost() : KernelHost(kWatched), sweep(probes().host_sweep()) { REQUIRE(sweep != nullptr); }

  bool sees_gifts() const { return attached(v1::PROBE_MEMORY_FILE_RECEIVE); }

  void own(const stage::ChildProcess& process, probes::Owner owner) {
    const auto key = maps().process(static_cast<std::uint32_t>(process.pid()));
    REQUIRE(key.ok());
    REQUIRE(maps().set_vmm(*key, owner, false).ok());
  }

  template <typename Kind>
  std::vector<Kind> of(const stage::ChildProcess& process, const std::vector<decode::Record>& records) const {
    std::vector<Kind> found = only<Kind>(records);
    std::erase_if(
        found, [&](const Kind& one) { return one.header.actor_key.tgid != static_cast<std::uint32_t>(process.pid()); });
    return found;
  }

  std::unique_ptr<probes::HostSweep> sweep;
};

// A process that has something to give: its descriptor, taken before anyone watched.
struct Giver {
  explicit Giver(const std::vector<std::string>& words) : process(start_subject(words)) {
    const auto line = process.read_line(kPatience);
    REQUIRE(line.ok());
    INFO(*line);
    REQUIRE(line->starts_with("done "));
    const int number = std::stoi(line->substr(line->rfind(' ') + 1));
    const stage::FileDescriptor handle(static_cast<int>(syscall(SYS_pidfd_open, process.pid(), 0)));
    descriptor = stage::FileDescriptor(static_cast<int>(syscall(SYS_pidfd_getfd, handle.get(), number, 0)));
    REQUIRE(descriptor.get() >= 0);
  }

  stage::ChildProcess process;
  stage::FileDescriptor descriptor;
};

void send(DescriptorGift& gift, const stage::FileDescriptor& descriptor) {
  gift.send(descriptor.get());
  const auto line = gift.receiver().read_line(kPatience);
  REQUIRE(line.ok());
  REQUIRE(line->starts_with("done received"));
}

}  // namespace

TEST_CASE("a volume that is handed to a host process or to another tenant's VMM is told", "[MEM-04][DISK-01]") {
  BULKHEAD_NEEDS_PROBES();
  const TemporaryDirectory directory;
  const std::string path = directory.file("volume.raw");
  const stage::FileDescriptor volume(open(path.c_str(), O_RDWR | O_CLOEXEC));
  ReceivingHost host;
  const auto key = host.maps().file_key(path);
  REQUIRE((key.ok() && host.maps().set_volume(*key, kAcme).ok()));
  const bool to_vmm = GENERATE(false, true);
  CAPTURE(to_vmm);
  DescriptorGift gift;
  if (to_vmm) host.own(gift.receiver(), kGlobex);
  send(gift, volume);

  const auto received = host.of<FileOpenRecord>(gift.receiver(), host.collect_until_marker());
  REQUIRE(received.size() == (host.sees_gifts() ? 1 : 0));
  for (const FileOpenRecord& record : received) {
    CHECK(record.header.probe == v1::PROBE_MEMORY_FILE_RECEIVE);
    CHECK(record.open.method() == v1::OPEN_METHOD_RECEIVED);
    CHECK(record.path == path);
    CHECK((record.open.flags() & O_ACCMODE) == O_RDWR);
    CHECK(record.header.actor.tenant == (to_vmm ? kGlobex.tenant : probes::kHostNumber));
    CHECK(record.header.object.tenant == kAcme.tenant);
    CHECK(record.header.object.domain == kAcme.domain);
    CHECK_FALSE(record.is_guest_memory);
  }
  REQUIRE(host.sweep->judge() == absl::OkStatus());
  const auto held = host.of<HoldingRecord>(gift.receiver(), host.collect_until_marker());
  REQUIRE(held.size() == 1);
  CHECK(held.front().held == v1::OBJECT_KIND_VOLUME);
  CHECK(held.front().header.actor.tenant == (to_vmm ? kGlobex.tenant : probes::kHostNumber));
}

TEST_CASE("a VMM's memory that another tenant's VMM receives is told as guest memory", "[MEM-04][MEM-05]") {
  BULKHEAD_NEEDS_PROBES();
  const Giver giver({"holder", "memory", "guest", "65536"});
  ReceivingHost host;
  host.own(giver.process, kAcme);
  const auto claims = host.sweep->guest_memory();
  REQUIRE(claims->size() == 1);
  REQUIRE(host.maps().set_guest_memory(claims->front().key, kAcme).ok());
  DescriptorGift gift;
  host.own(gift.receiver(), kGlobex);
  send(gift, giver.descriptor);
  const auto received = host.of<FileOpenRecord>(gift.receiver(), host.collect_until_marker());
  REQUIRE(received.size() == (host.sees_gifts() ? 1 : 0));
  for (const FileOpenRecord& record : received) {
    CHECK(record.is_guest_memory);
    CHECK(record.path == "/memfd:guest");
    CHECK(record.header.actor.domain == kGlobex.domain);
    CHECK(record.header.object.domain == kAcme.domain);
  }
  REQUIRE(host.sweep->judge() == absl::OkStatus());
  const auto held = host.of<HoldingRecord>(gift.receiver(), host.collect_until_marker());
  REQUIRE(held.size() == 1);
  CHECK(held.front().held == v1::OBJECT_KIND_GUEST_MEMORY);
  CHECK(held.front().path == "/memfd:guest");
}

TEST_CASE("a userfaultfd of a VMM's memory in another process is told", "[MEM-10]") {
  BULKHEAD_NEEDS_PROBES();
  Giver giver({"holder", "userfaultfd", "own"});
  ReceivingHost host;
  host.own(giver.process, kAcme);
  const auto key = host.maps().process(static_cast<std::uint32_t>(giver.process.pid()));
  DescriptorGift gift;
  send(gift, giver.descriptor);
  const auto received = host.of<MemoryRecord>(gift.receiver(), host.collect_until_marker());
  REQUIRE(received.size() == (host.sees_gifts() ? 1 : 0));
  for (const MemoryRecord& record : received) {
    CHECK(record.access.operation() == v1::MEMORY_OPERATION_USERFAULTFD_RECEIVE);
    CHECK(record.target_tgid == key->tgid);
    CHECK(record.header.object.domain == kAcme.domain);
  }
  REQUIRE(host.sweep->judge() == absl::OkStatus());
  const auto records = host.collect_until_marker();
  // The VMM's own is its own.
  CHECK(host.of<HoldingRecord>(giver.process, records).empty());
  const auto held = host.of<HoldingRecord>(gift.receiver(), records);
  REQUIRE(held.size() == 1);
  CHECK(held.front().held == v1::OBJECT_KIND_GUEST_MEMORY);
  CHECK(held.front().target_tgid == key->tgid);
  CHECK(held.front().target_start_ns == key->start_ns);
  CHECK(held.front().path == "/[userfaultfd]");
}

TEST_CASE("a descriptor that another host process is robbed of is told by what it is", "[MEM-04]") {
  BULKHEAD_NEEDS_PROBES();
  const TemporaryDirectory directory;
  const std::string path = directory.file("volume.raw");
  stage::ChildProcess holder = start_subject({"holder", "open", path});
  const auto line = holder.read_line(kPatience);
  REQUIRE(line.ok());
  const std::string number = line->substr(line->rfind(' ') + 1);
  ReceivingHost host;
  const auto key = host.maps().file_key(path);
  REQUIRE((key.ok() && host.maps().set_volume(*key, kAcme).ok()));
  stage::ChildProcess thief = start_subject({"instrumenter", "getfd", std::to_string(holder.pid()), number});
  REQUIRE(*thief.wait(kPatience) == 0);
  const auto received = host.of<FileOpenRecord>(thief, host.collect_until_marker());
  REQUIRE(received.size() == (host.sees_gifts() ? 1 : 0));
  if (!received.empty()) CHECK(received.front().open.method() == v1::OPEN_METHOD_RECEIVED);
}

TEST_CASE("what a tenant's VMM receives of its own, and what is nobody's, is silent", "[MEM-04][twin]") {
  BULKHEAD_NEEDS_PROBES();
  const TemporaryDirectory directory;
  const std::string path = directory.file("volume.raw");
  const stage::FileDescriptor volume(open(path.c_str(), O_RDWR | O_CLOEXEC));
  const stage::FileDescriptor stranger(open(directory.file("stranger").c_str(), O_RDWR | O_CLOEXEC));
  const Giver faults({"holder", "userfaultfd", "of-nobody"});
  ReceivingHost host;
  const auto key = host.maps().file_key(path);
  REQUIRE((key.ok() && host.maps().set_volume(*key, kAcme).ok()));
  DescriptorGift own, foreign, other;
  host.own(own.receiver(), {.tenant = kAcme.tenant, .domain = 12});
  send(own, volume);
  send(foreign, stranger);
  send(other, faults.descriptor);
  CHECK(host.collect_until_marker().empty());
  const v1::ProbeCounters counters = host.counters_of(v1::PROBE_MEMORY_FILE_RECEIVE);
  CHECK(counters.seen() == (host.sees_gifts() ? 1 : 0));
  CHECK(counters.suppressed() == counters.seen());
}

TEST_CASE("a trusted back end that receives a domain's memory is told as trusted", "[MEM-05][twin]") {
  BULKHEAD_NEEDS_PROBES();
  const Giver giver({"holder", "memory", "guest", "65536"});
  ReceivingHost host;
  host.own(giver.process, kAcme);
  REQUIRE(host.maps().set_guest_memory(host.sweep->guest_memory()->at(0).key, kAcme).ok());
  const auto program = host.maps().file_key(stage::program_directory() + "/subjects/holder");
  REQUIRE(host.maps().set_trusted(*program, {.may_access_memory = true}).ok());
  DescriptorGift gift;
  send(gift, giver.descriptor);
  REQUIRE(host.sweep->judge() == absl::OkStatus());
  const auto records = host.collect_until_marker();
  const auto held = host.of<HoldingRecord>(gift.receiver(), records);
  REQUIRE(held.size() == 1);
  CHECK(held.front().header.trusted);
  for (const FileOpenRecord& one : host.of<FileOpenRecord>(gift.receiver(), records)) CHECK(one.header.trusted);
}

}  // namespace bulkhead::test
