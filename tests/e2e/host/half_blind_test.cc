// A kernel on which half of the probes fail: what is not seen is said, and what is seen is right.
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <catch2/catch.hpp>
#include <map>

#include "tests/e2e/host/small_host.h"
#include "tests/support/skip.h"

namespace bulkhead::stage {
namespace {

constexpr Milliseconds kAlertTimeout(45'000);

struct Row {
  bool attached = true;
  std::string reason;
};

// By the probe's name, of all its hooks: the first that is missing.
std::map<std::string, Row> coverage_of(const SmallHost& host) {
  google::protobuf::Struct fields;
  REQUIRE(google::protobuf::util::JsonStringToMessage(host.host_json(), &fields).ok());
  std::map<std::string, Row> rows;
  for (const auto& value : fields.fields().at("coverage").struct_value().fields().at("probes").list_value().values()) {
    const auto& row = value.struct_value().fields();
    Row& known = rows[row.at("name").string_value()];
    if (row.at("state").string_value() == "PROBE_STATE_ATTACHED" || !known.attached) continue;
    known = {false, row.at("reason").string_value()};
  }
  return rows;
}

TEST_CASE("an agent that may hook half of what it wants says what it misses, and is right in what it sees") {
  if (const std::string missing = missing_for_host(); !missing.empty()) BULKHEAD_SKIP(missing);
  const auto host = SmallHost::make();
  REQUIRE(host->acme->start() == absl::OkStatus());
  host->start_agent("sweep:\n  interval: 1s\nhealth_interval: 200ms\n",
                    {program_directory() + "/subjects/refused_call", "perf_event_open"});
  REQUIRE(host->agent->wait_until_watching(host->collector, 1, kPatience) == absl::OkStatus());
  INFO(host->logs());
  auto coverage = coverage_of(*host);
  // Of libvirt's library on every kernel; of system calls on tier 2.
  CHECK_FALSE(coverage.at("control.libvirt_rpc").attached);
  CHECK_THAT(coverage.at("control.libvirt_rpc").reason, Catch::Contains("Permission denied"));
  CHECK(coverage.at("host.sweep").attached);
  CHECK(coverage.at("network.delivery").attached);

  AlertStream alerts(host->collector.process());
  const pid_t reader = read_memory(*host->acme->vmm_pid());
  auto holder = ChildProcess::start(
      {.words = {program_directory() + "/subjects/holder", "open", host->acme->plan().disks[0].image},
       .stderr_file = "",
       .namespaces = {}});
  REQUIRE(holder.ok());
  const pid_t thief = holder->pid();
  const auto held = alerts.wait_for([&](const Alert& one) { return one.actor_pid == thief; }, kAlertTimeout);
  REQUIRE(held.status() == absl::OkStatus());
  CHECK(held->rule == "DISK-01");
  // The sweep came after the reading.
  bool told = false;
  for (const Alert& one : alerts.seen()) {
    CAPTURE(one.json);
    CHECK(one.object_tenant == "acme");
    CHECK(one.actor_tenant == "host");
    told = told || one.actor_pid == reader;
  }
  CHECK(told == coverage.at("memory.process_vm").attached);
}

}  // namespace
}  // namespace bulkhead::stage
