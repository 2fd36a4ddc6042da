// MEM-07: pages of two VMMs that KSM makes one.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <set>

#include "tests/kernel/owned_victim.h"
#include "tests/support/skip.h"
#include "tests/support/stage/ksm.h"

namespace bulkhead::test {
namespace {

using decode::MergeRecord;
using stage::KsmSetting;

constexpr probes::Owner kAcmeToo = {.tenant = kAcme.tenant, .domain = 12};
constexpr int kPages = 64;

// No other process of this machine has pages that begin so.
std::string seed(const std::string& word) {
  return word + "-" + std::to_string(getpid());
}

// Contents that nobody else on this machine has, in `kPages` pages that differ from each other.
OwnedVictim sharing_victim(KernelHost& host, probes::Owner owner, const std::string& contents) {
  return own_victim(host, owner,
                    {"--mergeable=" + seed(contents), "--bytes=" + std::to_string(kPages * getpagesize())});
}

struct KsmOn {
  // A page has to look the same in two rounds; a machine's own mergeable memory is scanned as well.
  KsmSetting smart{"smart_scan", 0}, rate{"pages_to_scan", 20000}, pause{"sleep_millisecs", 5}, run{"run", 1};
};

TEST_CASE("pages of two tenants' VMMs that become one are told with both and their number", "[MEM-07]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host({v1::PROBE_MEMORY_KSM});
  const OwnedVictim first = sharing_victim(host, kAcme, "one");
  const OwnedVictim second = sharing_victim(host, kGlobex, "one");
  const KsmOn ksm;
  const auto told = [&](const std::vector<decode::Record>&) {
    const v1::ProbeCounters counters = host.counters_of(v1::PROBE_MEMORY_KSM);
    return counters.seen() >= kPages;
  };
  const auto merges = only<MergeRecord>(host.collect(told, std::chrono::seconds(30)));
  const v1::ProbeCounters counters = host.counters_of(v1::PROBE_MEMORY_KSM);
  CHECK(counters.seen() == kPages);
  CHECK(counters.suppressed() == 0);
  CHECK(counters.emitted() + counters.coalesced() == kPages);
  REQUIRE_FALSE(merges.empty());
  for (const MergeRecord& merge : merges) {
    const std::set<std::uint32_t> both = {merge.header.actor_key.tgid, merge.target_tgid};
    CHECK(both == std::set<std::uint32_t>{first.key.tgid, second.key.tgid});
    CHECK(merge.header.actor.tenant != merge.header.object.tenant);
    CHECK(merge.pages >= 1);
  }
}

TEST_CASE("pages of one tenant's VMMs, and of a VMM and a host process, may become one", "[MEM-07][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host({v1::PROBE_MEMORY_KSM});
  const OwnedVictim first = sharing_victim(host, kAcme, "two");
  const OwnedVictim second = sharing_victim(host, kAcmeToo, "two");
  const Victim of_host =
      start_victim({"--mergeable=" + seed("two"), "--bytes=" + std::to_string(kPages * getpagesize())});
  const KsmOn ksm;
  host.collect([&](const auto&) { return host.counters_of(v1::PROBE_MEMORY_KSM).seen() >= kPages / 2; },
               std::chrono::seconds(30));
  const v1::ProbeCounters counters = host.counters_of(v1::PROBE_MEMORY_KSM);
  CHECK(counters.seen() > 0);
  CHECK(counters.suppressed() == counters.seen());
}

}  // namespace
}  // namespace bulkhead::test
