// CTRL-06: who has the file of a KVM virtual machine outside every domain.
#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/decode/decoder.h"
#include "agent/probes/probe_set.h"
#include "tests/lab/hypervisor/in_lab.h"
#include "tests/lab/hypervisor/shell.h"

namespace bulkhead::lab {
namespace {

using decode::HoldingRecord;

constexpr probes::Owner kAcme = {.tenant = 1, .domain = 11};

// Stopped before its first instruction; answers on stdout when its machine is there.
stage::ChildProcess start_machine() {
  auto machine = stage::ChildProcess::start({.words = {"qemu-system-x86_64", "-accel", "kvm", "-m", "32", "-display",
                                                       "none", "-nodefaults", "-no-user-config", "-S", "-qmp", "stdio"},
                                             .stderr_file = "",
                                             .namespaces = {}});
  REQUIRE(machine.status() == absl::OkStatus());
  const auto greeting = machine->read_line(stage::Milliseconds(60'000));
  REQUIRE(greeting.status() == absl::OkStatus());
  return *std::move(machine);
}

std::vector<HoldingRecord> sweep(probes::ProbeSet& probes, const probes::HostSweep& sweep) {
  REQUIRE(sweep.judge() == absl::OkStatus());
  std::vector<HoldingRecord> found;
  probes.drain([&](std::span<const std::byte> bytes) {
    const auto record = decode::decode(bytes);
    REQUIRE(record.status() == absl::OkStatus());
    if (const auto* holding = std::get_if<HoldingRecord>(&*record)) found.push_back(*holding);
  });
  return found;
}

TEST_CASE("a KVM machine that was started by hand is found by its file, and a domain's is not", "[CTRL-06]") {
  BULKHEAD_NEEDS_LAB();
  std::vector<probes::Probe> table;
  std::ranges::copy_if(probes::probe_table(), std::back_inserter(table),
                       [](const probes::Probe& probe) { return probe.id == v1::PROBE_HOST_SWEEP; });
  const auto probes = probes::ProbeSet::load({}, table);
  REQUIRE(probes.status() == absl::OkStatus());
  const auto host_sweep = (*probes)->host_sweep();
  REQUIRE(host_sweep != nullptr);
  const stage::ChildProcess foreign = start_machine(), domains = start_machine();
  const auto vmm = (*probes)->ownership().process(static_cast<std::uint32_t>(domains.pid()));
  REQUIRE((*probes)->ownership().set_vmm(*vmm, kAcme, false).ok());

  const auto held = sweep(**probes, *host_sweep);
  REQUIRE(held.size() == 1);
  CHECK(held.front().header.actor_key.tgid == static_cast<std::uint32_t>(foreign.pid()));
  CHECK(held.front().held == v1::OBJECT_KIND_VIRTUAL_MACHINE);
  CHECK(held.front().holding.kind() == v1::HOLDING_KIND_DESCRIPTOR);
  CHECK(held.front().path == "/kvm-vm");
  CHECK(do_command(absl::StrCat("readlink /proc/", foreign.pid(), "/fd/", held.front().holding.descriptor_number())) ==
        "anon_inode:kvm-vm\n");
  CHECK(sweep(**probes, *host_sweep).empty());
}

}  // namespace
}  // namespace bulkhead::lab
