// VMM-01 and VMM-03: what a VMM, or what descends from one, does to its host.
#include <linux/sched.h>
#include <sys/ptrace.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "tests/kernel/kernel_host.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

using decode::VmmActRecord;

constexpr probes::Owner kStarting = {.tenant = probes::kStartingNumber, .domain = 0};
const std::vector<v1::Probe> kWatched = {v1::PROBE_VMM_CONFINEMENT, v1::PROBE_CONTROL_VMM_LIFECYCLE};

// The subject is `owner`'s VMM, and waits for a line before it acts. It may be gone or replaced after that.
stage::ChildProcess start_vmm(KernelHost& host, probes::Owner owner, std::vector<std::string> words) {
  words.insert(words.begin() + 1, "--wait");
  stage::ChildProcess vmm = start_subject(std::move(words));
  REQUIRE(vmm.read_line(kPatience).ok());
  const auto key = host.maps().process(static_cast<std::uint32_t>(vmm.pid()));
  REQUIRE(key.ok());
  REQUIRE(host.maps().set_vmm(*key, owner, false).ok());
  return vmm;
}

std::vector<VmmActRecord> acts_of(KernelHost& host, probes::Owner owner, std::vector<std::string> words) {
  words.insert(words.begin(), "confined");
  stage::ChildProcess vmm = start_vmm(host, owner, std::move(words));
  REQUIRE(vmm.write_line("go").ok());
  REQUIRE(vmm.wait(kPatience).ok());
  return only<VmmActRecord>(host.collect_until_marker());
}

bool has_modules() {
  return std::filesystem::exists("/proc/modules");
}

// A program that nobody else on this machine executes; it does nothing.
std::string own_program(const TemporaryDirectory& directory) {
  std::filesystem::copy_file("/bin/true", directory.path() + "/program");
  return directory.path() + "/program";
}

void check_identity(KernelHost& host) {
  const v1::ProbeCounters counters = host.counters_of(v1::PROBE_VMM_CONFINEMENT);
  CHECK(counters.seen() == counters.suppressed() + counters.coalesced() + counters.emitted() + counters.lost());
  CHECK(counters.lost() == 0);
}

TEST_CASE("a program that a VMM executes is told, by itself, by a child, and as a script", "[VMM-01]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const TemporaryDirectory directory;
  const std::string act = GENERATE("execute", "spawn");
  const bool by_script = GENERATE(false, true);
  std::string program = own_program(directory);
  std::string executed = program;
  if (by_script) {
    program = directory.path() + "/script";
    std::ofstream(program) << "#!/bin/sh\nexit 0\n";
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    executed = std::filesystem::canonical("/bin/sh");
  }
  CAPTURE(act, program);
  const auto acts = acts_of(host, kAcme, {act, program});
  REQUIRE(acts.size() == 1);
  const VmmActRecord& told = acts.front();
  CHECK(told.act.kind() == v1::VMM_ACT_KIND_EXECUTE);
  CHECK(told.act.result() == 0);
  CHECK(told.path == executed);
  CHECK(told.header.actor.tenant == kAcme.tenant);
  CHECK(told.header.actor.domain == kAcme.domain);
  CHECK(told.header.object.tenant == probes::kHostNumber);
  CHECK(told.header.probe == v1::PROBE_VMM_CONFINEMENT);
  check_identity(host);
}

TEST_CASE("a program that a VMM executes from memory is told, though it has no name", "[VMM-01]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const TemporaryDirectory directory;
  const auto acts = acts_of(host, kAcme, {"execute-copy", own_program(directory)});
  REQUIRE(acts.size() == 1);
  CHECK(acts.front().act.kind() == v1::VMM_ACT_KIND_EXECUTE);
  CHECK(acts.front().path == "/memfd:copy");
  CHECK(acts.front().header.actor.domain == kAcme.domain);
}

TEST_CASE("a program that another process executes is not told, nor is a child that a VMM forks", "[VMM-01][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const TemporaryDirectory directory;
  REQUIRE(run_subject({"confined", "spawn", own_program(directory)}) == 0);
  CHECK(acts_of(host, kAcme, {"fork"}).empty());
  CHECK(host.counters_of(v1::PROBE_VMM_CONFINEMENT).seen() == 0);
}

TEST_CASE("an emulator that is executed makes a VMM, and by what a VMM forks it is a program as any",
          "[VMM-01][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const TemporaryDirectory directory;
  const std::string emulator = own_program(directory);
  REQUIRE(host.maps().set_emulator(*host.maps().file_key(emulator)).ok());
  CHECK(run_subject({"confined", "spawn", emulator}) == 0);
  CHECK(only<VmmActRecord>(host.collect_until_marker()).empty());
  // A wrapper that is known as an emulator and executes the real one.
  const std::uint64_t suppressed = host.counters_of(v1::PROBE_VMM_CONFINEMENT).suppressed();
  CHECK(acts_of(host, kStarting, {"execute", emulator}).empty());
  CHECK(host.counters_of(v1::PROBE_VMM_CONFINEMENT).suppressed() == suppressed + 1);
  // One whose domain the agent knew before its exec was over. What it forks is no start.
  CHECK(acts_of(host, kAcme, {"execute", emulator}).empty());
  CHECK(acts_of(host, kAcme, {"spawn", emulator}).size() == 1);
  check_identity(host);
}

TEST_CASE("what a starting VMM or its child executes besides an emulator is told", "[VMM-01]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const TemporaryDirectory directory;
  const std::string act = GENERATE("execute", "spawn");
  CAPTURE(act);
  const auto acts = acts_of(host, kStarting, {act, own_program(directory)});
  REQUIRE(acts.size() == 1);
  CHECK(acts.front().header.actor.tenant == probes::kStartingNumber);
}

struct Row {
  std::vector<std::string> words;
  v1::VmmActKind kind;
  std::string call;
  std::int64_t result;
  std::uint64_t argument;
};

TEST_CASE("each act of a VMM on the host's kernel is told with its call, what was asked and the result", "[VMM-03]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const std::string uts = std::to_string(CLONE_NEWUTS);
  // One load of the probes for all: letting go of their hooks takes an emulated host seconds.
  const std::vector<Row> rows = {{{"unshare", uts}, v1::VMM_ACT_KIND_NAMESPACE, "unshare", 0, CLONE_NEWUTS},
                                 {{"setns"}, v1::VMM_ACT_KIND_NAMESPACE, "setns", 0, CLONE_NEWUTS},
                                 {{"setuid", "65534"}, v1::VMM_ACT_KIND_CREDENTIALS, "setuid", 0, 65534},
                                 {{"setresuid", "65534"}, v1::VMM_ACT_KIND_CREDENTIALS, "setresuid", 0, 65534},
                                 {{"setfsuid", "65534"}, v1::VMM_ACT_KIND_CREDENTIALS, "setfsuid", 0, 65534},
                                 {{"setgroups"}, v1::VMM_ACT_KIND_CREDENTIALS, "setgroups", 0, 0},
                                 {{"capset"}, v1::VMM_ACT_KIND_CREDENTIALS, "capset", 0, 0},
                                 {{"chroot", "/"}, v1::VMM_ACT_KIND_MOUNT, "chroot", 0, 0},
                                 {{"mount"}, v1::VMM_ACT_KIND_MOUNT, "mount", -ENOENT, 0},
                                 {{"umount"}, v1::VMM_ACT_KIND_MOUNT, "umount2", -ENOENT, 0},
                                 {{"bpf"}, v1::VMM_ACT_KIND_BPF, "bpf", -EINVAL, 4095},
                                 {{"ptrace"}, v1::VMM_ACT_KIND_PTRACE, "ptrace", -ESRCH, PTRACE_ATTACH}};
  for (const Row& row : rows) {
    CAPTURE(row.words);
    const auto acts = acts_of(host, kAcme, row.words);
    REQUIRE(acts.size() == 1);
    const VmmActRecord& told = acts.front();
    CHECK(told.act.kind() == row.kind);
    CHECK(told.call == row.call);
    CHECK(told.act.result() == row.result);
    CHECK(told.act.argument() == row.argument);
    CHECK(told.path.empty());
    CHECK(told.header.actor.domain == kAcme.domain);
  }
  check_identity(host);
}

TEST_CASE("a module that a VMM asks for or removes is told, where the kernel has modules", "[VMM-03]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  if (!has_modules()) {
    // There is no such call, and nothing is claimed about it.
    CHECK(std::ranges::none_of(host.probes().coverage(), [](const v1::ProbeCoverage& row) {
      return absl::StrContains(row.mechanism(), "delete_module");
    }));
    return;
  }
  const auto acts = acts_of(host, kAcme, {"module"});
  REQUIRE(acts.size() == 1);
  CHECK(acts.front().act.kind() == v1::VMM_ACT_KIND_MODULE);
  CHECK(acts.front().call == "delete_module");
  CHECK(acts.front().act.result() == -ENOENT);
}

TEST_CASE("a child that a VMM puts into new namespaces is told with which", "[VMM-03]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const std::vector<std::uint64_t> all = {CLONE_NEWUTS | CLONE_NEWIPC, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWCGROUP};
  for (std::size_t i = 0; i < 2 * all.size(); ++i) {
    const std::string call = i % 2 == 0 ? "clone" : "clone3";
    const std::uint64_t flags = all[i / 2];
    CAPTURE(call, flags);
    const auto acts = acts_of(host, kAcme, {call, std::to_string(flags)});
    REQUIRE(acts.size() == 1);
    CHECK(acts.front().act.kind() == v1::VMM_ACT_KIND_NAMESPACE);
    CHECK(acts.front().call == "clone");
    CHECK(acts.front().act.argument() == flags);
    CHECK(acts.front().act.result() > 0);
  }
}

TEST_CASE("a thread of a VMM that unshares no namespace is not told", "[VMM-03][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  CHECK(acts_of(host, kAcme, {"unshare", std::to_string(CLONE_FILES | CLONE_FS)}).empty());
}

TEST_CASE("another process may do all of it untold", "[VMM-03][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  for (const std::vector<std::string>& words : {std::vector<std::string>{"setuid", "65534"},
                                                {"unshare", std::to_string(CLONE_NEWUTS)},
                                                {"clone", std::to_string(CLONE_NEWUTS)},
                                                {"chroot", "/"},
                                                {"bpf"}}) {
    std::vector<std::string> all = words;
    all.insert(all.begin(), "confined");
    run_subject(all);
  }
  CHECK(only<VmmActRecord>(host.collect_until_marker()).empty());
  CHECK(host.counters_of(v1::PROBE_VMM_CONFINEMENT).seen() == 0);
}

TEST_CASE("a starting VMM may give up privilege, and nothing else", "[VMM-03][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"setuid", "65534"}, {"setgroups"}, {"capset"}, {"chroot", "/"}}) {
    CAPTURE(words);
    CHECK(acts_of(host, kStarting, words).empty());
  }
  CHECK(host.counters_of(v1::PROBE_VMM_CONFINEMENT).suppressed() == 4);
  CHECK(acts_of(host, kStarting, {"unshare", std::to_string(CLONE_NEWUTS)}).size() == 1);
  check_identity(host);
}

}  // namespace
}  // namespace bulkhead::test
