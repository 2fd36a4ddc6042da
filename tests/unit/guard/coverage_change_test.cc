#include "agent/guard/coverage_change.h"

#include <catch2/catch.hpp>

#include "agent/probes/sibling_hooks.h"
#include "agent/probes/usdt_hooks.h"

namespace bulkhead::guard {
namespace {

constexpr char kOpenat[] = "tracepoint syscalls/sys_exit_openat";

struct Run {
  v1::LastRun run;

  explicit Run(const std::string& version = "1") {
    run.set_agent_version(version);
    run.set_kernel_release("6.1.0-" + version);
  }
  Run& hook(v1::Probe probe, const std::string& mechanism, std::uint32_t tier, const std::string& missing = "") {
    v1::ProbeCoverage& row = *run.mutable_coverage()->add_probes();
    row.set_probe(probe);
    row.set_mechanism(mechanism);
    row.set_tier(tier);
    row.set_state(missing.empty() ? v1::PROBE_STATE_ATTACHED : v1::PROBE_STATE_MISSING);
    row.set_reason(missing);
    return *this;
  }
};

v1::CoverageChange only_change(const Run& before, const Run& now) {
  const auto changes = compare(before.run, now.run);
  REQUIRE(changes.size() == 1);
  return changes.front();
}

TEST_CASE("the same coverage is no change", "[SENS-04][twin]") {
  const Run run = Run().hook(v1::PROBE_DISK_FILE_OPEN, kOpenat, 2).hook(v1::PROBE_MEMORY_KSM, "ksm", 2, "not there");
  CHECK(compare(run.run, run.run).empty());
  CHECK(compare(Run().run, Run().run).empty());
}

TEST_CASE("a hook that is missing now, or not in this version at all, is lost", "[SENS-04]") {
  const Run before = Run("1").hook(v1::PROBE_DISK_FILE_OPEN, kOpenat, 2);
  const auto refused = only_change(before, Run("2").hook(v1::PROBE_DISK_FILE_OPEN, kOpenat, 2, "Permission denied"));
  CHECK(refused.kind() == v1::COVERAGE_CHANGE_KIND_HOOK_LOST);
  CHECK(refused.probe() == v1::PROBE_DISK_FILE_OPEN);
  CHECK(refused.mechanism() == kOpenat);
  CHECK(refused.reason() == "Permission denied");
  CHECK(refused.old_agent_version() == "1");
  CHECK(refused.new_agent_version() == "2");
  CHECK(refused.old_kernel_release() == "6.1.0-1");
  CHECK(refused.new_kernel_release() == "6.1.0-2");
  CHECK(only_change(before, Run("2")).kind() == v1::COVERAGE_CHANGE_KIND_HOOK_LOST);
}

TEST_CASE("a hook that was missing, or is new, is gained", "[SENS-04]") {
  const Run now = Run().hook(v1::PROBE_DISK_FILE_OPEN, kOpenat, 2);
  CHECK(only_change(Run(), now).kind() == v1::COVERAGE_CHANGE_KIND_HOOK_GAINED);
  const Run missing = Run().hook(v1::PROBE_DISK_FILE_OPEN, kOpenat, 2, "not there");
  CHECK(only_change(missing, now).kind() == v1::COVERAGE_CHANGE_KIND_HOOK_GAINED);
}

TEST_CASE("another mechanism of the same probe is a change of tier, not of each of its hooks", "[SENS-04]") {
  const Run exact = Run().hook(v1::PROBE_DISK_FILE_OPEN, "fexit do_dentry_open", 1);
  const Run late = Run()
                       .hook(v1::PROBE_DISK_FILE_OPEN, kOpenat, 2)
                       .hook(v1::PROBE_DISK_FILE_OPEN, "tracepoint syscalls/sys_exit_open", 2);
  CHECK(only_change(exact, late).kind() == v1::COVERAGE_CHANGE_KIND_TIER_LOWERED);
  CHECK(only_change(late, exact).kind() == v1::COVERAGE_CHANGE_KIND_TIER_RAISED);
}

TEST_CASE("hooks in libvirt's code come and go with libvirt, and are lost only where it is", "[SENS-04]") {
  const auto with = [](const std::string& missing) {
    return Run().hook(v1::PROBE_CONTROL_LIBVIRT_RPC, "USDT libvirt:rpc", 2, missing);
  };
  CHECK(compare(with("").run, with(probes::kNoLibvirt).run).empty());
  CHECK(compare(with(probes::kNotLookedForLibvirt).run, with("").run).empty());
  CHECK(only_change(with(""), with("it has no such probe")).kind() == v1::COVERAGE_CHANGE_KIND_HOOK_LOST);
}

TEST_CASE("SMT that was turned off takes nothing from the coverage", "[SENS-04][twin]") {
  const auto with = [](const std::string& missing) {
    return Run().hook(v1::PROBE_SCHED_SIBLINGS, "tp_btf sched_switch", 2, missing);
  };
  CHECK(compare(with("").run, with(probes::kNoSiblings).run).empty());
  CHECK(compare(with(probes::kNoSiblings).run, with("").run).empty());
  CHECK(only_change(with(""), with("Permission denied")).kind() == v1::COVERAGE_CHANGE_KIND_HOOK_LOST);
}

}  // namespace
}  // namespace bulkhead::guard
