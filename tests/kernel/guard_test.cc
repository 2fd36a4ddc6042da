// SENS-01: this process stands for the agent; what is done to it, to its hooks and to its maps.
#include <bpf/bpf.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/guard/canary.h"
#include "ebpf/records/record.h"
#include "tests/kernel/owned_victim.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

using decode::CanaryRecord;

const std::vector<v1::Probe> kReached = {
    v1::PROBE_MEMORY_PROCESS_VM, v1::PROBE_MEMORY_PTRACE,    v1::PROBE_MEMORY_PROC_MEM, v1::PROBE_MEMORY_INSTRUMENT,
    v1::PROBE_DISK_FILE_OPEN,    v1::PROBE_CONTROL_ENDPOINT, v1::PROBE_AGENT_GUARD};

std::set<v1::Probe> attached(KernelHost& host) {
  std::set<v1::Probe> probes;
  for (const v1::ProbeCoverage& row : host.probes().coverage()) {
    if (row.state() == v1::PROBE_STATE_ATTACHED) probes.insert(row.probe());
  }
  return probes;
}

std::unique_ptr<guard::CanaryActs> make_acts(KernelHost& host, const TemporaryDirectory& directory) {
  auto acts = guard::CanaryActs::create(host.maps(), directory.path());
  if (!acts.ok()) FAIL(std::string(acts.status().message()));
  return *std::move(acts);
}

// What one round on the next CPU finds missing; its records are out of the rings when the acts are done.
std::vector<guard::LostCanary> round(KernelHost& host, guard::Canary& canary, std::vector<CanaryRecord>* told) {
  REQUIRE(canary.begin_round());
  const auto records = only<CanaryRecord>(host.collect([](const auto&) { return true; }));
  for (const CanaryRecord& record : records) canary.take(record);
  if (told != nullptr) *told = records;
  return canary.end_round(attached(host));
}

// Descriptors of this process whose link in /proc/self/fd is `target`.
std::vector<int> descriptors_to(const std::string& target) {
  std::vector<int> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code error;
    if (std::filesystem::read_symlink(entry.path(), error) == target) {
      found.push_back(std::stoi(entry.path().filename()));
    }
  }
  return found;
}

// The value of a line of /proc/self/fdinfo/N, such as "map_id"; 0 when there is none.
std::uint32_t fact_of(int descriptor, const std::string& name) {
  std::ifstream file(absl::StrCat("/proc/self/fdinfo/", descriptor));
  std::string word;
  while (file >> word) {
    std::uint32_t value = 0;
    if (word == name + ":" && file >> value) return value;
  }
  return 0;
}

// A second descriptor of this process's map of that name, as anyone with the privilege can have it.
int open_own_map(const std::string& name) {
  for (const int descriptor : descriptors_to("anon_inode:bpf-map")) {
    const int map = bpf_map_get_fd_by_id(fact_of(descriptor, "map_id"));
    bpf_map_info info = {};
    std::uint32_t size = sizeof(info);
    if (map >= 0 && bpf_obj_get_info_by_fd(map, &info, &size) == 0 && absl::StartsWith(name, info.name)) return map;
    close(map);
  }
  FAIL("this process has no map " << name);
  return -1;
}

TEST_CASE("the agent's own acts come out of every CPU's ring through every hook, and count for no other probe",
          "[SENS-01]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kReached);
  const TemporaryDirectory directory;
  guard::Canary canary(make_acts(host, directory));
  cpu_set_t allowed;
  REQUIRE(sched_getaffinity(0, sizeof(allowed), &allowed) == 0);
  std::set<std::uint32_t> cpus;
  std::uint64_t all = 0;
  for (int i = 0; i < CPU_COUNT(&allowed); ++i) {
    std::vector<CanaryRecord> told;
    CHECK(round(host, canary, &told).empty());
    std::set<v1::Probe> hooks;
    for (const CanaryRecord& record : told) {
      hooks.insert(record.hook_probe);
      cpus.insert(record.cpu);
    }
    all += told.size();
    std::set<v1::Probe> expected = attached(host);
    expected.erase(v1::PROBE_AGENT_GUARD);
    CHECK(hooks == expected);
  }
  CHECK(cpus.size() == static_cast<std::size_t>(CPU_COUNT(&allowed)));
  for (const v1::Probe probe : kReached) {
    INFO(v1::Probe_Name(probe));
    CHECK(host.counters_of(probe).seen() == (probe == v1::PROBE_AGENT_GUARD ? all : 0));
  }
  CHECK(host.counters_of(v1::PROBE_AGENT_GUARD).emitted() == all);
}

TEST_CASE("a CPU whose ring was taken away shows by its canaries alone", "[SENS-01]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host({v1::PROBE_MEMORY_INSTRUMENT, v1::PROBE_AGENT_GUARD});
  const TemporaryDirectory directory;
  guard::Canary canary(make_acts(host, directory));
  cpu_set_t allowed;
  REQUIRE(sched_getaffinity(0, sizeof(allowed), &allowed) == 0);
  for (int i = 0; i < CPU_COUNT(&allowed); ++i) REQUIRE(round(host, canary, nullptr).empty());
  // Every record of that CPU is lost from here on, and no hook or entry that the agent wrote is any different.
  const stage::FileDescriptor rings(open_own_map("rings"));
  std::uint32_t cpu = 0;
  while (!CPU_ISSET(cpu, &allowed)) ++cpu;
  REQUIRE(bpf_map_delete_elem(rings.get(), &cpu) == 0);
  CHECK(host.probes().find_detached().empty());
  CHECK(host.maps().restore().empty());
  std::vector<guard::LostCanary> lost;
  for (int i = 0; i < CPU_COUNT(&allowed); ++i) {
    for (guard::LostCanary& one : round(host, canary, nullptr)) lost.push_back(std::move(one));
  }
  REQUIRE_FALSE(lost.empty());
  CHECK(std::ranges::all_of(lost, [&](const auto& one) { return one.cpu == cpu; }));
  CHECK(std::ranges::any_of(lost, [](const auto& one) { return one.act == "pidfd_getfd"; }));
  CHECK(std::ranges::any_of(lost, [](const auto& one) { return one.act == "openat2"; }));
  CHECK(host.counters_of(v1::PROBE_AGENT_GUARD).lost() == lost.size());
}

TEST_CASE("a hook whose link was closed is told once, and is no coverage any more", "[SENS-01]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host({v1::PROBE_AGENT_GUARD});
  CHECK(host.probes().find_detached().empty());
  int link = -1;
  for (const int descriptor : descriptors_to("anon_inode:bpf_link")) {
    bpf_link_info info = {};
    std::uint32_t size = sizeof(info);
    REQUIRE(bpf_obj_get_info_by_fd(descriptor, &info, &size) == 0);
    if (info.type == BPF_LINK_TYPE_TRACING || info.type == BPF_LINK_TYPE_RAW_TRACEPOINT) link = descriptor;
  }
  for (const int descriptor : descriptors_to("anon_inode:bpf-link")) link = descriptor;
  REQUIRE(link >= 0);
  REQUIRE(close(link) == 0);
  const auto detached = host.probes().find_detached();
  REQUIRE(detached.size() == 1);
  CHECK(host.probes().find_detached().empty());
  const auto& rows = host.probes().coverage();
  CHECK(std::ranges::count(rows, v1::PROBE_STATE_MISSING, &v1::ProbeCoverage::state) == 1);
}

TEST_CASE("entries that others made, altered and removed are told and put right", "[SENS-01]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host;
  const TemporaryDirectory directory;
  const auto disk = host.maps().file_key(directory.file("disk"));
  const auto other = host.maps().file_key(directory.file("other"));
  const auto tool = host.maps().file_key(directory.file("tool"));
  REQUIRE((disk.ok() && other.ok() && tool.ok()));
  REQUIRE(host.maps().set_volume(*disk, kAcme).ok());
  REQUIRE(host.maps().set_volume(*other, kAcme).ok());
  const OwnedVictim owned = own_victim(host, kAcme);
  CHECK(host.maps().restore().empty());

  const auto key_of = [](const probes::FileKey& key) {
    return bh_file_key{key.inode, key.device, key.generation, key.block_device ? 1u : 0u, 0};
  };
  const stage::FileDescriptor volumes(open_own_map("volumes"));
  const stage::FileDescriptor trusted(open_own_map("trusted_executables"));
  const stage::FileDescriptor vmms(open_own_map("vmms"));
  const bh_file_key disk_key = key_of(*disk), other_key = key_of(*other), tool_key = key_of(*tool);
  const bh_volume of_globex = {.owner = {kGlobex.tenant, kGlobex.domain}, .flags = 0, .ledger = 0};
  REQUIRE(bpf_map_update_elem(volumes.get(), &disk_key, &of_globex, BPF_EXIST) == 0);
  REQUIRE(bpf_map_delete_elem(volumes.get(), &other_key) == 0);
  const bh_trust everything = {.permissions = 7, .uid = BH_ANY_UID};
  REQUIRE(bpf_map_update_elem(trusted.get(), &tool_key, &everything, BPF_ANY) == 0);
  // This process, as if it were acme's: it could read acme's memory unseen.
  const auto self = host.maps().process(static_cast<std::uint32_t>(getpid()));
  REQUIRE(self.ok());
  const bh_vmm as_acme = {.owner = {kAcme.tenant, kAcme.domain}, .start_ns = self->start_ns, .flags = 0, .padding = 0};
  REQUIRE(bpf_map_update_elem(vmms.get(), &self->tgid, &as_acme, BPF_ANY) == 0);
  // And the VMM as if it were the host's.
  REQUIRE(bpf_map_delete_elem(vmms.get(), &owned.key.tgid) == 0);

  const std::vector<std::string> faults = host.maps().restore();
  const auto told = [&](const std::string& words) {
    return std::ranges::count_if(faults, [&](const std::string& one) { return absl::StrContains(one, words); });
  };
  CHECK(faults.size() == 5);
  CHECK(told("map volumes: an entry was altered") == 1);
  CHECK(told("map volumes: an entry is gone") == 1);
  CHECK(told("map trusted_executables: an entry that the agent did not make") == 1);
  CHECK(told(absl::StrCat("map vmms: an entry of process ", getpid(), " that the agent did not make")) == 1);
  CHECK(told(absl::StrCat("map vmms: the entry of process ", owned.key.tgid, " is gone")) == 1);
  CHECK(host.maps().restore().empty());
  CHECK(host.maps().vmm(owned.key.tgid).ok());
  CHECK_FALSE(host.maps().vmm(self->tgid).ok());
}

TEST_CASE("VMMs that fork and end are no tampering", "[SENS-01][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host({v1::PROBE_CONTROL_VMM_LIFECYCLE});
  auto vmm = stage::ChildProcess::start(
      {.words = {"sh", "-c", "read line; sleep 0.2 & wait; read line"}, .stderr_file = "", .namespaces = {}});
  REQUIRE(vmm.ok());
  const auto key = host.maps().process(static_cast<std::uint32_t>(vmm->pid()));
  REQUIRE(key.ok());
  REQUIRE(host.maps().set_vmm(*key, kAcme, false).ok());
  REQUIRE(vmm->write_line("fork").ok());
  for (int i = 0; i < 40; ++i) {
    CHECK(host.maps().restore().empty());
    usleep(10'000);
  }
  REQUIRE(vmm->write_line("end").ok());
  // Until it is gone from the map, which is before anyone waited for it.
  for (int i = 0; i < 500 && host.maps().vmm(key->tgid).ok(); ++i) usleep(1'000);
  CHECK(host.maps().restore().empty());
  CHECK(*vmm->wait(kPatience) == 0);
  CHECK(host.maps().restore().empty());
}

TEST_CASE("reading the agent's memory is told with who did it", "[SENS-01]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host({v1::PROBE_MEMORY_PROCESS_VM});
  const TemporaryDirectory directory;
  const auto acts = make_acts(host, directory);
  static const char secret[64] = "what the agent knows";
  const std::string address = absl::StrCat("0x", absl::Hex(reinterpret_cast<std::uintptr_t>(secret)));
  stage::ChildProcess reader = start_subject({"memory_reader", std::to_string(getpid()), address, "64"});
  REQUIRE(*reader.wait(kPatience) == 0);
  const auto records = only<decode::MemoryRecord>(host.collect(at_least<decode::MemoryRecord>(1)));
  REQUIRE(records.size() == 1);
  CHECK(records.front().header.object.tenant == probes::kAgentNumber);
  CHECK(records.front().header.actor_key.tgid == static_cast<std::uint32_t>(reader.pid()));
  CHECK(records.front().target_tgid == static_cast<std::uint32_t>(getpid()));
  CHECK(records.front().access.result() == 64);
  CHECK(host.counters_of(v1::PROBE_MEMORY_PROCESS_VM).seen() == 1);
}

TEST_CASE("a debugger on the agent, and an open of its memory file, are told with who did it", "[SENS-01]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host({v1::PROBE_MEMORY_PTRACE});
  const TemporaryDirectory directory;
  const auto acts = make_acts(host, directory);
  const std::string self = std::to_string(getpid());
  // It stops this process, and lets it go on.
  stage::ChildProcess tracer = start_subject({"ptrace_attacher", "attach", self});
  REQUIRE(*tracer.wait(kPatience) == 0);
  stage::ChildProcess reader = start_subject({"proc_mem_reader", "--open-only", self, "0x1000", "1"});
  REQUIRE(*reader.wait(kPatience) == 0);
  const auto records = only<decode::MemoryRecord>(host.collect_until_marker());
  REQUIRE(records.size() == 3);
  for (const decode::MemoryRecord& record : records) {
    CHECK(record.header.object.tenant == probes::kAgentNumber);
    CHECK(record.target_tgid == static_cast<std::uint32_t>(getpid()));
    CHECK(record.access.result() >= 0);
  }
  CHECK(records[0].access.ptrace_request() == PTRACE_ATTACH);
  CHECK(records[0].header.actor_key.tgid == static_cast<std::uint32_t>(tracer.pid()));
  CHECK(records[1].access.ptrace_request() == PTRACE_DETACH);
  CHECK(records[2].access.operation() == v1::MEMORY_OPERATION_PROC_MEM_OPEN);
  CHECK(records[2].header.actor_key.tgid == static_cast<std::uint32_t>(reader.pid()));
  // Its own is its own.
  const int own = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  close(own);
  CHECK(host.collect([](const auto&) { return true; }).empty());
}

TEST_CASE("a signal to the agent is told with who sent it, and those of its own are not", "[SENS-01]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host({v1::PROBE_AGENT_GUARD});
  const TemporaryDirectory directory;
  const auto acts = make_acts(host, directory);
  struct sigaction heard = {}, before = {};
  heard.sa_handler = [](int) {};
  REQUIRE(sigaction(SIGUSR1, &heard, &before) == 0);
  auto killer = stage::ChildProcess::start(
      {.words = {"kill", "-USR1", std::to_string(getpid())}, .stderr_file = "", .namespaces = {}});
  REQUIRE(killer.ok());
  REQUIRE(*killer->wait(kPatience) == 0);
  // Its own signal is no matter of anyone's.
  raise(SIGUSR1);
  const auto records = only<decode::SignalRecord>(host.collect_until_marker());
  REQUIRE(sigaction(SIGUSR1, &before, nullptr) == 0);
  REQUIRE(records.size() == 1);
  CHECK(records.front().signal == SIGUSR1);
  CHECK(records.front().header.actor_key.tgid == static_cast<std::uint32_t>(killer->pid()));
}

}  // namespace
}  // namespace bulkhead::test
