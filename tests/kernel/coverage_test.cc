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
