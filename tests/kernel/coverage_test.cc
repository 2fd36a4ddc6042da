#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "agent/probes/probe_table.h"
#include "tests/kernel/kernel_host.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

TEST_CASE("every hook of the table has a row of the coverage, and this kernel has them all") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host;
  std::size_t hooks = 0;
  for (const probes::Probe& probe : probes::probe_table()) hooks += probe.hooks.size();
  CHECK(host.probes().coverage().size() == hooks);
  for (const v1::ProbeCoverage& row : host.probes().coverage()) {
    CAPTURE(row.ShortDebugString());
    CHECK(row.state() == v1::PROBE_STATE_ATTACHED);
    CHECK(row.reason().empty());
  }
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
