#include <catch2/catch.hpp>

#include "tests/kernel/kernel_host.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

TEST_CASE("an overflowing ring loses records and says exactly how many", "[SENS-03]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host({v1::PROBE_MEMORY_PROCESS_VM}, {.ring_kib_per_cpu = 4});
  const Victim victim = start_victim();
  const auto key = host.maps().process(static_cast<std::uint32_t>(victim.process.pid()));
  REQUIRE(host.maps().set_vmm(*key, kAcme, false).ok());
  constexpr std::uint64_t kReads = 5000;
  // Nobody takes anything out of the rings meanwhile: two rings of 4 KiB hold some 60 records.
  REQUIRE(run_subject({"memory_reader", "--times=" + std::to_string(kReads), std::to_string(victim.process.pid()),
                       victim.address, "16"}) == 0);

  const v1::ProbeCounters full = host.counters_of(v1::PROBE_MEMORY_PROCESS_VM);
  CHECK(full.seen() == kReads);
  CHECK(full.lost() > kReads / 2);
  CHECK(full.emitted() > 0);
  CHECK(full.seen() == full.suppressed() + full.coalesced() + full.emitted() + full.lost());

  const auto decoded =
      only<decode::MemoryRecord>(host.collect([](const auto&) { return false; }, std::chrono::milliseconds(50)));
  CHECK(decoded.size() == full.emitted());

  // There is room again: what comes next is told.
  REQUIRE(run_subject({"memory_reader", std::to_string(victim.process.pid()), victim.address, "16"}) == 0);
  CHECK(only<decode::MemoryRecord>(host.collect(at_least<decode::MemoryRecord>(1))).size() == 1);
  CHECK(host.counters_of(v1::PROBE_MEMORY_PROCESS_VM).lost() == full.lost());
}

}  // namespace
}  // namespace bulkhead::test
