// MEM-12: vCPUs of two tenants on the SMT siblings of one core. Real ones, of KVM, in machines that do nothing but run.
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <fstream>
#include <optional>

#include "absl/strings/str_cat.h"
#include "agent/probes/cpu_siblings.h"
#include "tests/kernel/kernel_host.h"
#include "tests/lab/hypervisor/in_lab.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

using decode::SiblingsRecord;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

constexpr probes::Owner kAcmeToo = {.tenant = kAcme.tenant, .domain = 12};
constexpr milliseconds kSpin(3000);
// The agent looks every second; here it must not depend on how busy the machine below is.
constexpr milliseconds kLook(200);
// A pair is told every ten seconds at most.
constexpr milliseconds kAllTold(11'500);

std::vector<std::uint32_t> first_core() {
  probes::CpuSiblings siblings;
  siblings.refresh();
  return siblings.cores().empty() ? std::vector<std::uint32_t>() : siblings.cores().begin()->second;
}

// Empty when this host has siblings, and a KVM that works.
std::string missing_siblings() {
  if (first_core().empty()) return "no core of this host has SMT siblings";
  if (access("/dev/kvm", R_OK | W_OK) != 0) return "this host has no KVM";
  return missing_capability();
}

// Debian's kernels are built without it.
bool has_core_scheduling() {
  unsigned long cookie = 0;
  return prctl(PR_SCHED_CORE, PR_SCHED_CORE_GET, 0, PR_SCHED_CORE_SCOPE_THREAD, &cookie) == 0;
}

#define NEEDS_SIBLINGS() \
  if (const std::string missing = missing_siblings(); !missing.empty()) BULKHEAD_SKIP(missing)

// A machine of one vCPU that is held back until go().
class Machine {
 public:
  Machine(KernelHost& host, probes::Owner owner, std::uint32_t cpu, std::vector<std::string> more = {})
      : process_(start(cpu, std::move(more))) {
    const auto line = process_.read_line(kPatience);
    REQUIRE(line.status() == absl::OkStatus());
    REQUIRE(*line == absl::StrCat("ready ", process_.pid()));
    key_ = *host.maps().process(static_cast<std::uint32_t>(process_.pid()));
    REQUIRE(host.maps().set_vmm(key_, owner, false).ok());
  }

  void go() { REQUIRE(process_.write_line("").ok()); }
  // Its own word that it ran to the end.
  void check_ran() {
    const auto line = process_.read_line(kPatience);
    REQUIRE(line.status() == absl::OkStatus());
    CHECK_THAT(*line, Catch::StartsWith("done "));
  }
  bool has_ended() { return process_.wait(milliseconds(0)).ok(); }
  std::uint32_t pid() const { return key_.tgid; }

 private:
  static stage::ChildProcess start(std::uint32_t cpu, std::vector<std::string> more) {
    std::vector<std::string> words = {"vcpu_spinner", absl::StrCat("--cpu=", cpu),
                                      absl::StrCat("--milliseconds=", kSpin.count()), "--wait"};
    words.insert(words.end(), more.begin(), more.end());
    return start_subject(std::move(words));
  }

  stage::ChildProcess process_;
  probes::ProcessKey key_;
};

struct Told {
  std::vector<SiblingsRecord> records;
  nanoseconds ran{};  // from the first one's start to the last one's end
};

// Lets both run at once, and takes what is told until all that there is has been told.
Told run_both(KernelHost& host, Machine& one, Machine& other) {
  Told told;
  std::optional<steady_clock::time_point> ended;
  const auto begin = steady_clock::now();
  auto next_look = begin;
  one.go();
  other.go();
  const auto all = [&](const auto&) {
    const auto now = steady_clock::now();
    if (!ended && one.has_ended() && other.has_ended()) {
      ended = now;
      told.ran = now - begin;
    }
    if (now >= next_look) {
      host.probes().tend();
      next_look = now + kLook;
    }
    return ended && now - *ended > kAllTold;
  };
  told.records = only<SiblingsRecord>(host.collect(all, std::chrono::seconds(60)));
  REQUIRE(ended);
  one.check_ran();
  other.check_ran();
  return told;
}

// What was seen is what was told, counted or of one tenant.
void check_sums(const v1::ProbeCounters& counters) {
  CHECK(counters.lost() == 0);
  CHECK(counters.seen() == counters.suppressed() + counters.coalesced() + counters.emitted());
}

TEST_CASE("two tenants' vCPUs that run on one core's siblings are told with both and for how long", "[MEM-12]") {
  NEEDS_SIBLINGS();
  KernelHost host({v1::PROBE_SCHED_SIBLINGS});
  const auto core = first_core();
  Machine first(host, kAcme, core[0]), second(host, kGlobex, core[1]);
  const Told told = run_both(host, first, second);
  REQUIRE_FALSE(told.records.empty());
  nanoseconds shared{}, window{};
  std::uint64_t overlaps = 0;
  for (const SiblingsRecord& record : told.records) {
    CHECK(record.header.actor_key.tgid == second.pid());
    CHECK(record.header.actor.domain == kGlobex.domain);
    CHECK(record.target_tgid == first.pid());
    CHECK(record.header.object.domain == kAcme.domain);
    // What came between the look at the CPUs and the record goes into the next window, whole.
    CHECK(nanoseconds(record.time.shared_ns()) <= nanoseconds(record.time.window_ns()) + milliseconds(100));
    shared += nanoseconds(record.time.shared_ns());
    window += nanoseconds(record.time.window_ns());
    overlaps += record.time.overlaps();
  }
  CAPTURE(shared.count(), window.count(), told.ran.count());
  CHECK(shared >= kSpin / 2);
  CHECK(shared <= told.ran);
  const v1::ProbeCounters counters = host.counters_of(v1::PROBE_SCHED_SIBLINGS);
  CHECK(counters.emitted() == told.records.size());
  CHECK(counters.seen() == overlaps);
  check_sums(counters);
}

TEST_CASE("two domains of tenants that are not known yet are not one tenant on one core", "[MEM-12]") {
  NEEDS_SIBLINGS();
  KernelHost host({v1::PROBE_SCHED_SIBLINGS});
  const auto core = first_core();
  Machine first(host, {.tenant = probes::kStartingNumber, .domain = 1}, core[0]);
  Machine second(host, {.tenant = probes::kStartingNumber, .domain = 2}, core[1]);
  CHECK_FALSE(run_both(host, first, second).records.empty());
}

TEST_CASE("one tenant's vCPUs may share a core", "[MEM-12][twin]") {
  NEEDS_SIBLINGS();
  KernelHost host({v1::PROBE_SCHED_SIBLINGS});
  const auto core = first_core();
  Machine first(host, kAcme, core[0]), second(host, kAcmeToo, core[1]);
  CHECK(run_both(host, first, second).records.empty());
  const v1::ProbeCounters counters = host.counters_of(v1::PROBE_SCHED_SIBLINGS);
  CHECK(counters.suppressed() > 0);
  CHECK(counters.seen() == counters.suppressed());
}

TEST_CASE("two tenants' vCPUs on two cores share none", "[MEM-12][twin]") {
  NEEDS_SIBLINGS();
  probes::CpuSiblings siblings;
  siblings.refresh();
  const std::uint32_t elsewhere = siblings.cores().rbegin()->first;
  const auto core = first_core();
  if (std::ranges::count(core, elsewhere) > 0) BULKHEAD_SKIP("this host has one core: scripts/lab run --cpus 4");
  KernelHost host({v1::PROBE_SCHED_SIBLINGS});
  Machine first(host, kAcme, core[0]), second(host, kGlobex, elsewhere);
  CHECK(run_both(host, first, second).records.empty());
  CHECK(host.counters_of(v1::PROBE_SCHED_SIBLINGS).seen() == 0);
}

TEST_CASE("vCPUs that core scheduling keeps apart are not told", "[MEM-12][twin]") {
  NEEDS_SIBLINGS();
  if (!has_core_scheduling()) BULKHEAD_SKIP("this kernel is built without core scheduling");
  KernelHost host({v1::PROBE_SCHED_SIBLINGS});
  const auto core = first_core();
  Machine first(host, kAcme, core[0], {"--cookie"}), second(host, kGlobex, core[1], {"--cookie"});
  CHECK(run_both(host, first, second).records.empty());
  CHECK(host.counters_of(v1::PROBE_SCHED_SIBLINGS).seen() == 0);
}

TEST_CASE("a thread of a VMM that runs no vCPU is no vCPU beside another's", "[MEM-12][twin]") {
  NEEDS_SIBLINGS();
  KernelHost host({v1::PROBE_SCHED_SIBLINGS});
  const auto core = first_core();
  Machine first(host, kAcme, core[0]), second(host, kGlobex, core[1], {"--idle"});
  CHECK(run_both(host, first, second).records.empty());
  CHECK(host.counters_of(v1::PROBE_SCHED_SIBLINGS).seen() == 0);
}

// /sys/devices/system/cpu/smt/control, put back at the end.
class SmtSetting {
 public:
  ~SmtSetting() { set("on"); }
  void set(const std::string& value) const { std::ofstream("/sys/devices/system/cpu/smt/control") << value; }
};

TEST_CASE("a host whose SMT is turned off has nothing to watch, and is watched again when it is on") {
  BULKHEAD_NEEDS_LAB();
  NEEDS_SIBLINGS();
  KernelHost host({v1::PROBE_SCHED_SIBLINGS});
  const auto row = [&] {
    return *std::ranges::find(host.probes().coverage(), v1::PROBE_SCHED_SIBLINGS, &v1::ProbeCoverage::probe);
  };
  CHECK(row().state() == v1::PROBE_STATE_ATTACHED);
  CHECK_FALSE(host.probes().tend());
  const SmtSetting smt;
  smt.set("off");
  REQUIRE(first_core().empty());
  CHECK(host.probes().tend());
  CHECK(row().state() == v1::PROBE_STATE_MISSING);
  CHECK(probes::has_nothing_to_watch(row()));
  CHECK(host.probes().find_detached().empty());
  smt.set("on");
  CHECK(host.probes().tend());
  CHECK(row().state() == v1::PROBE_STATE_ATTACHED);
  CHECK(row().reason().empty());
}

}  // namespace
}  // namespace bulkhead::test
