#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <iterator>

#include "agent/probes/cpu_siblings.h"
#include "agent/probes/probe_table.h"
#include "tests/kernel/kernel_host.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

// Those for which a kernel may have no way at all, and those of libvirt's library, which is not looked for here.
bool may_be_missing(const probes::Probe& probe) {
  return probe.tier == 1 || probe.hooks.front().kind == probes::HookKind::kUsdt;
}

TEST_CASE("each probe works in the best way that this kernel allows, and says why not in a better one") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host;
  probes::CpuSiblings siblings;
  siblings.refresh();
  // Where programs at the kernel's functions work, none is at a system call's tracepoint: those cost every call.
  const auto& all = host.probes().coverage();
  const bool takes_functions = std::ranges::any_of(
      all, [](const v1::ProbeCoverage& row) { return row.probe() == v1::PROBE_MEMORY_PTRACE && row.tier() == 1; });
  for (const probes::Probe& probe : probes::probe_table()) {
    INFO(probe.name);
    std::vector<v1::ProbeCoverage> rows;
    std::ranges::copy_if(all, std::back_inserter(rows),
                         [&](const v1::ProbeCoverage& row) { return row.probe() == probe.id; });
    REQUIRE_FALSE(rows.empty());
    for (const v1::ProbeCoverage& row : rows) {
      CAPTURE(row.ShortDebugString());
      CHECK(row.tier() == rows.front().tier());
      CHECK((row.state() == v1::PROBE_STATE_ATTACHED) == row.reason().empty());
      if (probe.about_siblings && siblings.cores().empty()) {
        CHECK(row.state() == v1::PROBE_STATE_MISSING);
        CHECK(probes::has_nothing_to_watch(row));
      } else if (!may_be_missing(probe)) {
        CHECK(row.state() == v1::PROBE_STATE_ATTACHED);
      }
      if (takes_functions) CHECK_THAT(row.mechanism(), !Catch::Contains("syscalls/"));
      const bool could_be_better = !probe.better.empty() && row.tier() == 2;
      CHECK(could_be_better == !row.why_not_better().empty());
    }
  }
}

TEST_CASE("a better way of which this kernel lacks a part is left whole, with the reason") {
  BULKHEAD_NEEDS_PROBES();
  std::vector<probes::Probe> table(probes::probe_table().begin(), probes::probe_table().end());
  const auto ptrace = std::ranges::find(table, v1::PROBE_MEMORY_PTRACE, &probes::Probe::id);
  std::vector<probes::Hook> hooks(ptrace->better.front().hooks.begin(), ptrace->better.front().hooks.end());
  hooks.back() = {hooks.back().program, probes::HookKind::kFexit, "a_function_that_never_was"};
  std::vector<probes::Mechanism> better(ptrace->better.begin(), ptrace->better.end());
  better.front().hooks = hooks;
  ptrace->better = better;

  const auto loaded = probes::ProbeSet::load({}, table);
  REQUIRE(loaded.ok());
  for (const v1::ProbeCoverage& row : (*loaded)->coverage()) {
    if (row.probe() != v1::PROBE_MEMORY_PTRACE) continue;
    CHECK(row.tier() == 2);
    CHECK(row.state() == v1::PROBE_STATE_ATTACHED);
    CHECK_THAT(row.why_not_better(), Catch::Contains("a_function_that_never_was"));
  }
}

TEST_CASE("sweeps that are turned off are missing, with the reason, and cannot be had") {
  BULKHEAD_NEEDS_PROBES();
  const auto loaded = probes::ProbeSet::load({.sweeps = false});
  REQUIRE(loaded.ok());
  CHECK((*loaded)->host_sweep() == nullptr);
  int rows = 0;
  for (const v1::ProbeCoverage& row : (*loaded)->coverage()) {
    if (row.probe() != v1::PROBE_HOST_SWEEP) continue;
    ++rows;
    CHECK(row.state() == v1::PROBE_STATE_MISSING);
    CHECK_THAT(row.reason(), Catch::Contains("sweep.interval"));
  }
  CHECK(rows > 0);
}

TEST_CASE("a hook that the kernel lacks is missing with its reason, and the probe's others work") {
  BULKHEAD_NEEDS_PROBES();
  const std::span<const probes::Probe> shipped = probes::probe_table();
  const auto file_open = std::find_if(shipped.begin(), shipped.end(),
                                      [](const probes::Probe& probe) { return probe.id == v1::PROBE_DISK_FILE_OPEN; });
  std::vector<probes::Hook> hooks(file_open->hooks.begin(), file_open->hooks.end());
  hooks.front().name = "syscalls/sys_exit_that_never_was";
  std::vector<probes::Probe> table = {*file_open};
  table.front().hooks = hooks;
  table.front().better = {};

  const auto loaded = probes::ProbeSet::load({}, table);
  REQUIRE(loaded.ok());
  const auto& coverage = (*loaded)->coverage();
  REQUIRE(coverage.size() == hooks.size());
  CHECK(coverage.front().state() == v1::PROBE_STATE_MISSING);
  CHECK_THAT(coverage.front().reason(), Catch::Contains("sys_exit_that_never_was"));
  for (std::size_t i = 1; i < coverage.size(); ++i) CHECK(coverage[i].state() == v1::PROBE_STATE_ATTACHED);
}

TEST_CASE("a key is the same for every name of a file and differs between files") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host;
  const TemporaryDirectory directory;
  const std::string path = directory.file("one");
  const std::string other = directory.file("other");
  std::filesystem::create_hard_link(path, directory.path() + "/link");
  const auto key = host.maps().file_key(path);
  REQUIRE(key.ok());
  CHECK(*host.maps().file_key(directory.path() + "/link") == *key);
  CHECK(*host.maps().file_key(other) != *key);
  CHECK(absl::IsNotFound(host.maps().file_key(directory.path() + "/none").status()));
  CHECK(absl::IsInvalidArgument(host.maps().file_key(directory.path()).status()));
}

}  // namespace
}  // namespace bulkhead::test
