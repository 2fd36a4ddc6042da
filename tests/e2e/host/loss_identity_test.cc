// Invariant 1, from the kernel to the store: what was seen is suppressed, coalesced, emitted or lost, and what was
// emitted is decoded, spooled, acknowledged and stored, exactly, while the rings overflow.
#include <google/protobuf/util/json_util.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <sstream>

#include "bulkhead/v1/query.pb.h"
#include "tests/e2e/host/small_host.h"
#include "tests/support/skip.h"

namespace bulkhead::stage {
namespace {

constexpr std::uint64_t kReads = 200'000;

v1::Host parse_host(const std::string& json) {
  v1::Host host;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &host);
  if (!status.ok()) FAIL(std::string(status.message()) + ": " + json);
  return host;
}

v1::ProbeCounters counters_of(const v1::Host& host, v1::Probe probe) {
  for (const v1::ProbeCounters& one : host.health().counters()) {
    if (one.probe() == probe) return one;
  }
  return {};
}

std::uint64_t stored_of(const v1::Host& host, v1::Probe probe) {
  std::uint64_t stored = 0;
  for (const v1::StoredCount& one : host.stored()) {
    if (one.probe() == probe) stored += one.count();
  }
  return stored;
}

// The host as it is once nothing is on its way any more.
v1::Host settled(const SmallHost& host, v1::Probe probe, std::uint64_t seen) {
  v1::Host latest;
  for (int i = 0; i < 300; ++i) {
    latest = parse_host(host.host_json());
    const v1::ProbeCounters counters = counters_of(latest, probe);
    if (counters.seen() >= seen && stored_of(latest, probe) == counters.emitted() &&
        latest.health().acknowledged_through() == latest.health().spooled_through()) {
      return latest;
    }
    usleep(200'000);
  }
  return latest;
}

TEST_CASE("the loss identity holds from the kernel to the store while the rings overflow", "[SENS-03]") {
  if (const std::string missing = missing_for_host(); !missing.empty()) BULKHEAD_SKIP(missing);
  const auto host = SmallHost::make();
  host->start_agent("ring_kib_per_cpu: 4\nhealth_interval: 500ms\n");
  INFO(host->logs());
  REQUIRE(host->acme->start() == absl::OkStatus());
  REQUIRE(host->agent->wait_until_watching(host->collector, 1, kPatience) == absl::OkStatus());
  const auto vmm = host->acme->vmm_pid();
  REQUIRE(vmm.ok());
  read_memory(*vmm, kReads);

  const v1::Host after = settled(*host, v1::PROBE_MEMORY_PROCESS_VM, kReads);
  INFO(after.ShortDebugString());
  const v1::ProbeCounters counters = counters_of(after, v1::PROBE_MEMORY_PROCESS_VM);
  CHECK(counters.seen() == kReads);
  CHECK(counters.lost() > 0);
  CHECK(counters.emitted() > 0);
  CHECK(counters.seen() == counters.suppressed() + counters.coalesced() + counters.emitted() + counters.lost());
  CHECK(counters.decoded() == counters.emitted());
  CHECK(counters.spooled() == counters.emitted());
  CHECK(stored_of(after, v1::PROBE_MEMORY_PROCESS_VM) == counters.emitted());
  CHECK(after.health().acknowledged_through() == after.health().spooled_through());
  CHECK(after.health().malformed() == 0);
  CHECK(after.health().spool_dropped_events() == 0);

  // The loss is an event of its own, and its counts add up to what the kernel counted.
  const auto events = host->collector.ask({"events", "--format", "json"});
  REQUIRE(events.status() == absl::OkStatus());
  std::istringstream lines(*events);
  std::uint64_t stated = 0, told = 0;
  for (std::string line; std::getline(lines, line);) {
    v1::Event event;
    REQUIRE(google::protobuf::util::JsonStringToMessage(line, &event).ok());
    if (event.has_memory_access()) ++told;
    if (event.has_loss() && event.loss().probe() == v1::PROBE_MEMORY_PROCESS_VM) stated += event.loss().count();
  }
  CHECK(stated == counters.lost());
  CHECK(told == counters.emitted());
}

TEST_CASE("records for the agent alone are decoded, every one, and go no further") {
  if (const std::string missing = missing_for_host(); !missing.empty()) BULKHEAD_SKIP(missing);
  const auto host = SmallHost::make();
  host->start_agent("health_interval: 500ms\n");
  INFO(host->logs());
  REQUIRE(host->acme->start() == absl::OkStatus());
  REQUIRE(host->agent->wait_until_watching(host->collector, 1, kPatience) == absl::OkStatus());
  // The kernel tells of the VMM's end.
  REQUIRE(host->acme->destroy() == absl::OkStatus());
  v1::Host latest;
  v1::ProbeCounters counters;
  for (int i = 0; i < 300 && (counters.emitted() == 0 || counters.decoded() != counters.emitted()); ++i) {
    usleep(200'000);
    latest = parse_host(host->host_json());
    counters = counters_of(latest, v1::PROBE_CONTROL_VMM_LIFECYCLE);
  }
  CHECK(counters.emitted() > 0);
  CHECK(counters.decoded() == counters.emitted());
  CHECK(counters.spooled() == 0);
  CHECK(stored_of(latest, v1::PROBE_CONTROL_VMM_LIFECYCLE) == 0);
}

}  // namespace
}  // namespace bulkhead::stage
