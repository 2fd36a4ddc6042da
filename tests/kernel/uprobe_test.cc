// MEM-10: breakpoints of the kernel's in the program that VMMs run.
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>

#include "tests/kernel/owned_victim.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

using decode::MemoryRecord;

const std::vector<v1::Probe> kWatched = {v1::PROBE_MEMORY_INSTRUMENT, v1::PROBE_MEMORY_UPROBE};

std::string program() {
  return std::filesystem::canonical(stage::program_directory() + "/subjects/victim");
}

// BPF links of uprobes came with 6.6: before, there is nothing to be seen.
bool has_links() {
  utsname kernel = {};
  int major = 0, minor = 0;
  return uname(&kernel) == 0 && std::sscanf(kernel.release, "%d.%d", &major, &minor) == 2 &&
         (major > 6 || (major == 6 && minor >= 6));
}

std::vector<std::uint32_t> targets_of(const std::vector<MemoryRecord>& records) {
  std::vector<std::uint32_t> targets;
  for (const MemoryRecord& one : records) targets.push_back(one.target_tgid);
  std::ranges::sort(targets);
  return targets;
}

void check_uprobes(const std::vector<MemoryRecord>& records, const stage::ChildProcess& actor) {
  for (const MemoryRecord& one : records) {
    CHECK(one.header.probe == v1::PROBE_MEMORY_UPROBE);
    CHECK(one.access.operation() == v1::MEMORY_OPERATION_UPROBE);
    CHECK(one.header.actor_key.tgid == static_cast<std::uint32_t>(actor.pid()));
    CHECK(one.header.actor.tenant == probes::kHostNumber);
    CHECK(one.access.result() > 2);
  }
}

}  // namespace

TEST_CASE("a uprobe for all that run a program is told of each VMM that runs it, once", "[MEM-10]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  REQUIRE(host.attached(v1::PROBE_MEMORY_UPROBE));
  const OwnedVictim acme = own_victim(host, kAcme), globex = own_victim(host, kGlobex);
  const Victim nobody = start_victim();
  // A VMM of another program.
  stage::ChildProcess other = start_subject({"holder", "open", "/dev/null"});
  REQUIRE(other.read_line(kPatience).ok());
  REQUIRE(host.maps().set_vmm(*host.maps().process(static_cast<std::uint32_t>(other.pid())), kAcme, false).ok());
  std::vector<std::uint32_t> expected = {acme.key.tgid, globex.key.tgid};
  std::ranges::sort(expected);
  std::vector<std::string> acts = {"event"};
  if (has_links()) acts.push_back("link");
  for (const std::string& act : acts) {
    INFO(act);
    stage::ChildProcess uprober = start_subject({"uprober", act, program()});
    REQUIRE(*uprober.wait(kPatience) == 0);
    const auto records = only<MemoryRecord>(host.collect_until_marker());
    CHECK(targets_of(records) == expected);
    check_uprobes(records, uprober);
  }
  // The second CPU's event is the same uprobe.
  const v1::ProbeCounters counters = host.counters_of(v1::PROBE_MEMORY_UPROBE);
  CHECK(counters.emitted() == 2 * acts.size());
  CHECK(counters.coalesced() == (sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 2 : 0));
  CHECK(counters.seen() == counters.emitted() + counters.coalesced());
}

TEST_CASE("a uprobe for one VMM is told of that one", "[MEM-10]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const OwnedVictim acme = own_victim(host, kAcme), globex = own_victim(host, kGlobex);
  REQUIRE(run_subject({"uprober", "event", program(), acme.pid()}) == 0);
  const auto events = only<MemoryRecord>(host.collect_until_marker());
  REQUIRE(events.size() == 1);
  CHECK(events.front().access.operation() == v1::MEMORY_OPERATION_PERF_EVENT);
  check_target(events.front(), acme);
  if (!has_links()) return;
  stage::ChildProcess uprober = start_subject({"uprober", "link", program(), acme.pid()});
  REQUIRE(*uprober.wait(kPatience) == 0);
  const auto links = only<MemoryRecord>(host.collect_until_marker());
  REQUIRE(links.size() == 1);
  check_target(links.front(), acme);
  check_uprobes(links, uprober);
}

TEST_CASE("uprobes in programs that no VMM runs, and for processes of no domain, are silent", "[MEM-10][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  REQUIRE(host.attached(v1::PROBE_MEMORY_UPROBE));
  const OwnedVictim acme = own_victim(host, kAcme);
  const Victim nobody = start_victim();
  const std::string holder = stage::program_directory() + "/subjects/holder";
  const std::string of_nobody = std::to_string(nobody.process.pid());
  REQUIRE(run_subject({"uprober", "event", holder}) == 0);
  REQUIRE(run_subject({"uprober", "event", program(), of_nobody}) == 0);
  if (has_links()) {
    REQUIRE(run_subject({"uprober", "link", holder}) == 0);
    REQUIRE(run_subject({"uprober", "link", program(), of_nobody}) == 0);
  }
  // No uprobe.
  REQUIRE(run_subject({"instrumenter", "perf", of_nobody}) == 0);
  CHECK(only<MemoryRecord>(host.collect_until_marker()).empty());
  CHECK(host.counters_of(v1::PROBE_MEMORY_UPROBE).seen() == 0);
}

}  // namespace bulkhead::test
