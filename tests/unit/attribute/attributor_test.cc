#include "agent/attribute/attributor.h"

#include <catch2/catch.hpp>

namespace bulkhead::attribute {
namespace {

using namespace std::chrono_literals;
using inventory::VmmIdentity;

const Attributor::Clock::time_point kStart{};
// By then a record that is still missing was lost, and is not waited for.
constexpr auto kOverdue = 60ms;

constexpr decode::ActorKey kVmm = {.tgid = 4711, .start_ns = 1'000, .exec_id = 1};
constexpr decode::ActorKey kDebugger = {.tgid = 4712, .start_ns = 2'000, .exec_id = 1};

// Without the kernel's maps: what is asked of them fails, and nothing here rests on them.
struct Attribution {
  probes::OwnershipMaps maps{{}};
  std::unique_ptr<ownership::Ownership> ownership = *ownership::Ownership::create(maps, "", {});
  Attributor attributor{*ownership, "/nonexistent"};

  Attribution() {
    for (const decode::ActorKey& key : {kVmm, kDebugger}) {
      decode::ActorRecord record;
      record.header.actor_key = key;
      record.executable = key == kVmm ? "/usr/bin/qemu-system-x86_64" : "/usr/bin/gdb";
      attributor.take(record, kStart);
    }
  }

  std::vector<v1::Event> ready(std::chrono::milliseconds since_start) {
    return attributor.ready(kStart + since_start, 0);
  }
  void begin() { ownership->starting().begin({kVmm.tgid, kVmm.start_ns}, kStart); }
  void settle(VmmIdentity::Verdict verdict) {
    ownership->settle_starting(
        [&](std::uint32_t) {
          VmmIdentity identity;
          identity.verdict = verdict;
          identity.domain_uuid = "0f3e2f0e-0000-4000-8000-000000000001";
          identity.domain_name = "web";
          identity.tenant = "acme";
          return identity;
        },
        kStart);
  }
};

// The VMM opens a volume while it is starting.
decode::FileOpenRecord opens() {
  decode::FileOpenRecord record;
  record.header.actor_key = kVmm;
  record.header.actor.tenant = probes::kStartingNumber;
  record.path = "/var/lib/libvirt/images/web.qcow2";
  return record;
}

// A debugger of the host reads the memory of the VMM while that is starting.
decode::MemoryRecord is_read() {
  decode::MemoryRecord record;
  record.header.actor_key = kDebugger;
  record.header.object.tenant = probes::kStartingNumber;
  record.target_tgid = kVmm.tgid;
  record.target_start_ns = kVmm.start_ns;
  return record;
}

TEST_CASE("what a starting VMM does waits for its domain, however long that takes, and is told under its tenant") {
  Attribution attribution;
  attribution.begin();
  attribution.attributor.take(opens(), kStart);
  attribution.attributor.take(is_read(), kStart);
  CHECK(attribution.ready(0ms).empty());
  CHECK(attribution.ready(4s).empty());
  CHECK(attribution.attributor.waiting());
  attribution.settle(VmmIdentity::Verdict::kDomain);
  const auto events = attribution.ready(4s);
  REQUIRE(events.size() == 2);
  CHECK(events[0].actor().tenant() == "acme");
  CHECK(events[0].actor().domain_name() == "web");
  CHECK(events[1].object().tenant() == "acme");
  CHECK(events[1].actor().tenant() == "host");
  CHECK_FALSE(attribution.attributor.waiting());
}

TEST_CASE("a record that comes out of its ring before the VMM's exec out of another is told under its tenant, too") {
  Attribution attribution;
  attribution.attributor.take(opens(), kStart);
  attribution.attributor.take(is_read(), kStart);
  CHECK(attribution.ready(0ms).empty());
  attribution.begin();
  CHECK(attribution.ready(kOverdue).empty());
  attribution.settle(VmmIdentity::Verdict::kDomain);
  const auto events = attribution.ready(kOverdue);
  REQUIRE(events.size() == 2);
  CHECK(events[0].actor().tenant() == "acme");
  CHECK(events[1].object().tenant() == "acme");
}

TEST_CASE("a starting VMM whose exec nobody told of is the host's, and what is about it is not held back for ever") {
  Attribution attribution;
  attribution.attributor.take(opens(), kStart);
  attribution.attributor.take(is_read(), kStart);
  CHECK(attribution.ready(40ms).empty());
  const auto events = attribution.ready(kOverdue);
  REQUIRE(events.size() == 2);
  CHECK(events[0].actor().tenant() == "host");
  CHECK(events[0].actor().domain_name().empty());
  CHECK(events[1].object().tenant() == "host");
  CHECK_FALSE(attribution.attributor.waiting());
}

TEST_CASE("a process that executed an emulator and is no domain's is told as the host's at once") {
  Attribution attribution;
  attribution.begin();
  attribution.attributor.take(opens(), kStart);
  CHECK(attribution.ready(0ms).empty());
  attribution.settle(VmmIdentity::Verdict::kNotADomain);
  const auto events = attribution.ready(0ms);
  REQUIRE(events.size() == 1);
  CHECK(events[0].actor().tenant() == "host");
  CHECK(events[0].actor().process().executable() == "/usr/bin/qemu-system-x86_64");
}

TEST_CASE("what is about a VMM that waits holds back nothing else") {
  Attribution attribution;
  attribution.begin();
  attribution.attributor.take(opens(), kStart);
  decode::FileOpenRecord other = opens();
  other.header.actor_key = kDebugger;
  other.header.actor.tenant = probes::kHostNumber;
  attribution.attributor.take(other, kStart);
  const auto events = attribution.ready(0ms);
  REQUIRE(events.size() == 1);
  CHECK(events[0].actor().process().executable() == "/usr/bin/gdb");
}

TEST_CASE("who shared a core is told as two domains, as soon as both are known, though no record tells of the actor") {
  Attribution attribution;
  attribution.begin();
  decode::SiblingsRecord record;
  record.header.actor_key = {.tgid = 4713, .start_ns = 3'000, .exec_id = 0};
  record.header.actor = {7, 70};
  record.header.object.tenant = probes::kStartingNumber;
  record.target_tgid = kVmm.tgid;
  record.target_start_ns = kVmm.start_ns;
  record.time.set_shared_ns(5);
  attribution.attributor.take(record, kStart);
  CHECK(attribution.ready(0ms).empty());
  attribution.settle(VmmIdentity::Verdict::kDomain);
  const auto events = attribution.ready(0ms);
  REQUIRE(events.size() == 1);
  CHECK(events[0].actor().process().pid() == 4713);
  CHECK(events[0].actor().process().start_time_ns() == 3'000);
  CHECK(events[0].object().kind() == v1::OBJECT_KIND_DOMAIN);
  CHECK(events[0].object().id() == "0f3e2f0e-0000-4000-8000-000000000001");
  CHECK(events[0].object().tenant() == "acme");
  CHECK(events[0].object().vmm().pid() == kVmm.tgid);
  CHECK(events[0].sibling_time().shared_ns() == 5);
}

}  // namespace
}  // namespace bulkhead::attribute
