// What sweeps find around real domains: shared memory in strange hands, and a machine that libvirt does not know.
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/e2e/host/small_host.h"
#include "tests/support/skip.h"

namespace bulkhead::stage {
namespace {

namespace fs = std::filesystem;
using Catch::Contains;

constexpr char kSettings[] = "sweep:\n  interval: 1s\nhealth_interval: 200ms\n";
constexpr char kSharedMemory[] = "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>";
constexpr Milliseconds kAlertTimeout(45'000);

ChildProcess must_start(std::vector<std::string> words) {
  auto process = ChildProcess::start({.words = std::move(words), .stderr_file = "", .namespaces = {}});
  REQUIRE(process.status() == absl::OkStatus());
  return *std::move(process);
}

// A subject that has what it is told to have, until it is destroyed.
ChildProcess hold(std::vector<std::string> words) {
  words.insert(words.begin(), program_directory() + "/subjects/holder");
  ChildProcess holder = must_start(std::move(words));
  const auto line = holder.read_line(kPatience);
  REQUIRE(line.status() == absl::OkStatus());
  REQUIRE(absl::StartsWith(*line, "done"));
  return holder;
}

// The VMM's own descriptor of its guest's memory, as the host's procfs has it.
std::string memory_descriptor(pid_t vmm) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(absl::StrCat("/proc/", vmm, "/fd"))) {
    if (absl::StartsWith(fs::read_symlink(entry.path(), ignored).string(), "/memfd:")) return entry.path();
  }
  FAIL("the VMM has no memfd");
  return "";
}

Domain add_domain(SmallHost& host, const std::string& name, const std::string& tenant, const std::string& devices) {
  DomainPlan plan;
  plan.name = name;
  plan.tenant = tenant;
  plan.devices = devices;
  auto domain = host.hypervisor->define(plan);
  REQUIRE(domain.status() == absl::OkStatus());
  REQUIRE(domain->start() == absl::OkStatus());
  return *std::move(domain);
}

Alert wait_for(SmallHost& host, AlertStream& alerts, const std::string& rule, pid_t actor) {
  const auto alert =
      alerts.wait_for([&](const Alert& one) { return one.rule == rule && one.actor_pid == actor; }, kAlertTimeout);
  INFO(rule << " of pid " << actor << "\n" << host.logs());
  REQUIRE(alert.status() == absl::OkStatus());
  return *alert;
}

// Rules that told of anyone but these.
std::vector<std::string> told_of_others(const AlertStream& alerts, const std::vector<pid_t>& actors) {
  std::vector<std::string> others;
  for (const Alert& one : alerts.seen()) {
    if (std::ranges::count(actors, one.actor_pid) == 0) others.push_back(absl::StrCat(one.rule, ": ", one.message));
  }
  return others;
}

}  // namespace

TEST_CASE("a guest's memfd in strange hands and an emulator that was started by hand are alerts",
          "[MEM-04][MEM-05][CTRL-06]") {
  if (const std::string missing = missing_for_host(); !missing.empty()) BULKHEAD_SKIP(missing);
  const auto host = SmallHost::make();
  DomainPlan plan;
  plan.name = "acme-shared";
  plan.tenant = "acme";
  plan.elements = kSharedMemory;
  auto domain = host->hypervisor->define(plan);
  REQUIRE(domain.status() == absl::OkStatus());
  REQUIRE(domain->start() == absl::OkStatus());
  const std::string memory = memory_descriptor(*domain->vmm_pid());
  const ChildProcess foreign = must_start({"/usr/bin/qemu-system-x86_64", "-machine", "none", "-accel", "tcg",
                                           "-display", "none", "-nodefaults", "-no-user-config", "-S"});
  // Before the agent came.
  const ChildProcess early = hold({"map", memory});
  host->start_agent(kSettings);
  REQUIRE(host->agent->wait_until_watching(host->collector, 1, kPatience) == absl::OkStatus());
  AlertStream alerts(host->collector.process());
  const Alert mapped = wait_for(*host, alerts, "MEM-05", early.pid());
  CHECK(mapped.object_tenant == "acme");
  CHECK(mapped.actor_tenant == "host");
  CHECK_THAT(mapped.message, Contains("memfd:") && Contains("of domain acme-shared of tenant acme"));

  // The object is known by now, so that the open itself is told. The descriptor that stays is another rule's.
  const ChildProcess late = hold({"--write", "open", memory});
  wait_for(*host, alerts, "MEM-05", late.pid());
  wait_for(*host, alerts, "MEM-04", late.pid());

  const Alert machine = wait_for(*host, alerts, "CTRL-06", foreign.pid());
  CHECK_THAT(machine.message, Contains("qemu-system-x86_64") && Contains("libvirt does not know"));
  CHECK(machine.object == absl::StrCat("vmm:", foreign.pid(), machine.object.substr(machine.object.rfind(':'))));
  // The domain's own VMM, libvirtd and all else of the host.
  CHECK(told_of_others(alerts, {early.pid(), late.pid(), foreign.pid()}) == std::vector<std::string>{});
}

TEST_CASE("memory that domains of two tenants share is an alert, and what one tenant's domains share is not",
          "[MEM-06][twin]") {
  if (const std::string missing = missing_for_host(); !missing.empty()) BULKHEAD_SKIP(missing);
  const std::string name = absl::StrCat("bulkhead-test-", getpid());
  const absl::Cleanup remove = [&] { fs::remove("/dev/shm/" + name); };
  const std::string device =
      absl::StrCat("<shmem name='", name, "'><model type='ivshmem-plain'/><size unit='M'>4</size></shmem>");
  const auto host = SmallHost::make("", device);
  REQUIRE(host->acme->start() == absl::OkStatus());
  host->start_agent(kSettings);
  REQUIRE(host->agent->wait_until_watching(host->collector, 1, kPatience) == absl::OkStatus());
  AlertStream alerts(host->collector.process());
  const Domain sister = add_domain(*host, "acme-2", "acme", device);
  const Domain stranger = add_domain(*host, "globex-1", "globex", device);
  const pid_t vmm = *stranger.vmm_pid();
  const Alert shared = wait_for(*host, alerts, "MEM-06", vmm);
  CHECK(shared.actor_tenant == "globex");
  CHECK(shared.object_tenant == "acme");
  CHECK(shared.object == "/dev/shm/" + name);
  CHECK_THAT(shared.message, Contains("the VMM of domain globex-1") && Contains("of domain acme-1 of tenant acme"));
  // acme-2 had it before, and was swept as often. The definition itself is another matter.
  CHECK(told_of_others(alerts, {vmm}) ==
        std::vector<std::string>{
            absl::StrCat("CTRL-05: domain globex-1 of globex is defined with /dev/shm/", name, " of acme as shmem")});
}

}  // namespace bulkhead::stage
