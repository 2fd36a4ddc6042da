#include "agent/probes/probe_table.h"

#include <catch2/catch.hpp>

#include "proto/batch/probe_name.h"

namespace bulkhead::test {

TEST_CASE("the table of probes has the names by which others call them") {
  for (const probes::Probe& probe : probes::probe_table()) CHECK(probe.name == batch::probe_name(probe.id));
}

TEST_CASE("what is no probe of the table has a name as well") {
  CHECK(batch::probe_name(v1::PROBE_DISK_IO_URING_OPEN) == "disk.io_uring_open");
  CHECK(batch::probe_name(v1::PROBE_AGENT) == "agent");
  CHECK(batch::probe_name(static_cast<v1::Probe>(9999)) == "probe.9999");
}

}  // namespace bulkhead::test
