#include "agent/inventory/vmm_process.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <memory>

#include "tests/support/skip.h"
#include "tests/unit/inventory/fake_vmm.h"

using namespace bulkhead::inventory;
using namespace bulkhead::inventory::test;
using Verdict = VmmProcesses::Verdict;

namespace {
const std::string kUuid = "3e3fce45-4f53-4fa7-bb32-11f34168b82b";
const std::string kOther = "11111111-4f53-4fa7-bb32-11f34168b82b";
}  // namespace

TEST_CASE("a VMM is found by the pid file that it holds") {
  const RunDir run;
  const FakeVmm vmm(vmm_arguments("acme-1", kUuid), run.file("acme-1.pid"));
  const VmmProcesses processes(run.path());

  const auto process = processes.of_domain("acme-1");
  INFO(process.status());
  REQUIRE(process.ok());
  CHECK(process->pid == vmm.pid());
  CHECK(process->start_ticks > 0);
  CHECK(process->uuid == kUuid);

  const auto identity = processes.identify(vmm.pid());
  REQUIRE(identity.verdict == Verdict::kVmm);
  CHECK(identity.process.name == "acme-1");
  CHECK(identity.process.start_ticks == process->start_ticks);
}

TEST_CASE("a name with a comma is found through the command line's hint") {
  const RunDir run;
  const FakeVmm vmm(vmm_arguments("a,,b", kUuid), run.file("a,b.pid"));
  const auto identity = VmmProcesses(run.path()).identify(vmm.pid());
  REQUIRE(identity.verdict == Verdict::kVmm);
  CHECK(identity.process.name == "a,b");
}

TEST_CASE("a wrong hint does not hide a VMM") {
  const RunDir run;
  const FakeVmm vmm(vmm_arguments("../../elsewhere", kUuid), run.file("acme-1.pid"));
  const auto identity = VmmProcesses(run.path()).identify(vmm.pid());
  REQUIRE(identity.verdict == Verdict::kVmm);
  CHECK(identity.process.name == "acme-1");
}

TEST_CASE("libvirt's status file goes before a command line that a VMM has rewritten") {
  const RunDir run;
  const FakeVmm vmm(vmm_arguments("acme-1", kOther), run.file("acme-1.pid"));
  run.write("acme-1.xml",
            "<domstatus state='running' pid='" + std::to_string(vmm.pid()) + "'><domain><name>acme-1</name><uuid>" +
                kUuid + "</uuid></domain></domstatus>",
            0600);
  const auto process = VmmProcesses(run.path()).of_domain("acme-1");
  REQUIRE(process.ok());
  CHECK(process->uuid == kUuid);
}

TEST_CASE("a status file about another process is not believed") {
  const RunDir run;
  const FakeVmm vmm(vmm_arguments("acme-1", kUuid), run.file("acme-1.pid"));
  run.write("acme-1.xml", "<domstatus state='paused' pid='1'><domain><uuid>" + kOther + "</uuid></domain></domstatus>",
            0600);
  const auto process = VmmProcesses(run.path()).of_domain("acme-1");
  REQUIRE(process.ok());
  CHECK(process->uuid == kUuid);
}

TEST_CASE("a forged command line makes no VMM") {
  const RunDir run;
  const FakeVmm vmm(vmm_arguments("acme-1", kUuid), run.file("acme-1.pid"));
  const FakeVmm forger(vmm_arguments("acme-1", kUuid), "");
  const auto identity = VmmProcesses(run.path()).identify(forger.pid());
  CHECK(identity.verdict == Verdict::kNotYetKnown);
  CHECK(identity.reason == "no pid file names it");
}

TEST_CASE("a stale pid file whose pid another process has now is refused") {
  const RunDir run;
  // The right pid and the right arguments; only the lock is missing, which a dead VMM cannot hold.
  const FakeVmm forger(vmm_arguments("acme-1", kUuid), "");
  run.write("acme-1.pid", std::to_string(forger.pid()));
  const VmmProcesses processes(run.path());
  const auto process = processes.of_domain("acme-1");
  CHECK(absl::IsNotFound(process.status()));
  CHECK(std::string(process.status().message()).ends_with("is stale: no process holds its lock"));
  CHECK(processes.identify(forger.pid()).verdict == Verdict::kNotYetKnown);
}

TEST_CASE("a pid file that names another process than its lock's holder is refused") {
  const RunDir run;
  const FakeVmm holder(vmm_arguments("acme-1", kUuid), run.file("acme-1.pid"));
  const FakeVmm forger(vmm_arguments("acme-1", kUuid), "");
  run.write("acme-1.pid", std::to_string(forger.pid()));
  CHECK(absl::IsFailedPrecondition(VmmProcesses(run.path()).of_domain("acme-1").status()));
}

TEST_CASE("a pid file that others may write is refused") {
  const RunDir run;
  const FakeVmm vmm(vmm_arguments("acme-1", kUuid), run.file("acme-1.pid"));
  run.write("acme-1.pid", std::to_string(vmm.pid()), 0666);
  const auto process = VmmProcesses(run.path()).of_domain("acme-1");
  CHECK(absl::IsFailedPrecondition(process.status()));
}

TEST_CASE("a pid file of another user is refused") {
  if (::geteuid() != 0) BULKHEAD_SKIP("only root can give a file away");
  const RunDir run;
  const FakeVmm vmm(vmm_arguments("acme-1", kUuid), run.file("acme-1.pid"));
  REQUIRE(::chown(run.file("acme-1.pid").c_str(), 65534, 65534) == 0);
  CHECK(absl::IsFailedPrecondition(VmmProcesses(run.path()).of_domain("acme-1").status()));
}

TEST_CASE("a pid file that is a symbolic link is refused") {
  const RunDir run;
  const FakeVmm vmm(vmm_arguments("acme-1", kUuid), run.path() + "/elsewhere");
  REQUIRE(::symlink((run.path() + "/elsewhere").c_str(), run.file("acme-1.pid").c_str()) == 0);
  CHECK_FALSE(VmmProcesses(run.path()).of_domain("acme-1").ok());
}

TEST_CASE("an emulator without pid file and uuid is no VMM") {
  const RunDir run;
  const FakeVmm probe({"-S", "-no-user-config", "-machine", "none"}, "");
  CHECK(VmmProcesses(run.path()).identify(probe.pid()).verdict == Verdict::kNotAVmm);
}

TEST_CASE("libvirtd's own pid file makes it no VMM") {
  const RunDir run;
  const FakeVmm libvirtd({"--listen"}, run.file("driver.pid"));
  CHECK(VmmProcesses(run.path()).identify(libvirtd.pid()).verdict == Verdict::kNotAVmm);
}

TEST_CASE("a process that has ended is no VMM") {
  const RunDir run;
  auto vmm = std::make_unique<FakeVmm>(vmm_arguments("acme-1", kUuid), run.file("acme-1.pid"));
  const std::uint32_t pid = vmm->pid();
  const VmmProcesses processes(run.path());
  REQUIRE(processes.of_domain("acme-1").ok());
  vmm.reset();
  CHECK(absl::IsNotFound(processes.of_domain("acme-1").status()));
  CHECK(processes.identify(pid).verdict == Verdict::kNotAVmm);
}

TEST_CASE("a domain's name never leads out of the folder of the pid files") {
  const RunDir run;
  const FakeVmm vmm(vmm_arguments("x", kUuid), run.path() + "/outside.pid");
  CHECK(absl::IsNotFound(VmmProcesses(run.path()).of_domain("../outside").status()));
}

TEST_CASE("garbage in a pid file is no process") {
  const RunDir run;
  const auto text = GENERATE(as<std::string>(), "", "0", "-1", "12x", "99999999999", std::string(100, '1'));
  run.write("acme-1.pid", text);
  CAPTURE(text);
  CHECK_FALSE(VmmProcesses(run.path()).of_domain("acme-1").ok());
}
