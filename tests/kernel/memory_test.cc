#include <fcntl.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/kernel/owned_victim.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

using decode::MemoryRecord;

const std::vector<v1::Probe> kWatched = {v1::PROBE_MEMORY_PROCESS_VM, v1::PROBE_MEMORY_PTRACE,
                                         v1::PROBE_DISK_IO_URING_OPEN};

// The actor is a child of this test: the kernel's words about it are known.
void check_actor(const std::vector<decode::Record>& records, const MemoryRecord& record, pid_t pid,
                 const std::string& program) {
  CHECK(record.header.actor_key.tgid == static_cast<std::uint32_t>(pid));
  CHECK(record.header.actor_uid == getuid());
  CHECK(record.header.actor.tenant == probes::kHostNumber);
  CHECK_FALSE(record.header.trusted);
  const auto actors = only<decode::ActorRecord>(records);
  const auto actor = std::find_if(actors.begin(), actors.end(), [&](const decode::ActorRecord& one) {
    return one.header.actor_key == record.header.actor_key;
  });
  REQUIRE(actor != actors.end());
  CHECK(actor->executable == std::filesystem::canonical(stage::program_directory() + "/subjects/" + program).string());
  CHECK(actor->command == program.substr(0, 15));
  REQUIRE_FALSE(actor->lineage.empty());
  CHECK(actor->lineage.front().tgid == static_cast<std::uint32_t>(getpid()));
}

TEST_CASE("process_vm_readv on a VMM is told with target, bytes and actor", "[MEM-01]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const OwnedVictim owned = own_victim(host, kAcme);
  stage::ChildProcess reader = start_subject({"memory_reader", owned.pid(), owned.victim.address, "4096"});
  REQUIRE(*reader.wait(kPatience) == 0);

  const auto records = host.collect(at_least<MemoryRecord>(1));
  const auto memory = only<MemoryRecord>(records);
  REQUIRE(memory.size() == 1);
  const MemoryRecord& record = memory.front();
  CHECK(record.header.probe == v1::PROBE_MEMORY_PROCESS_VM);
  CHECK(record.access.operation() == v1::MEMORY_OPERATION_PROCESS_VM_READ);
  CHECK(record.access.result() == 4096);
  CHECK(record.access.address() == std::stoull(owned.victim.address, nullptr, 16));
  CHECK(record.access.target_thread_id() == owned.key.tgid);
  check_target(record, owned);
  check_actor(records, record, reader.pid(), "memory_reader");
}

TEST_CASE("process_vm_writev on a VMM is told as a write", "[MEM-01]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const OwnedVictim owned = own_victim(host, kAcme);
  REQUIRE(run_subject({"memory_reader", "--write", owned.pid(), owned.victim.address, "512"}) == 0);

  const auto memory = only<MemoryRecord>(host.collect(at_least<MemoryRecord>(1)));
  REQUIRE(memory.size() == 1);
  CHECK(memory.front().access.operation() == v1::MEMORY_OPERATION_PROCESS_VM_WRITE);
  CHECK(memory.front().access.result() == 512);
  check_target(memory.front(), owned);
}

TEST_CASE("naming a VMM's thread instead of its process hides nothing", "[MEM-01]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const OwnedVictim owned = own_victim(host, kAcme, {"--threads=1"});
  std::string thread;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + owned.pid() + "/task")) {
    if (entry.path().filename() != owned.pid()) thread = entry.path().filename();
  }
  REQUIRE_FALSE(thread.empty());
  REQUIRE(run_subject({"memory_reader", thread, owned.victim.address, "64"}) == 0);

  const auto memory = only<MemoryRecord>(host.collect(at_least<MemoryRecord>(1)));
  REQUIRE(memory.size() == 1);
  CHECK(memory.front().access.target_thread_id() == std::stoul(thread));
  check_target(memory.front(), owned);
}

TEST_CASE("a refused process_vm_readv is told with its error", "[MEM-01]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const OwnedVictim owned = own_victim(host, kAcme);
  REQUIRE(run_subject({"memory_reader", owned.pid(), "8", "64"}) == 1);

  const auto memory = only<MemoryRecord>(host.collect(at_least<MemoryRecord>(1)));
  REQUIRE(memory.size() == 1);
  CHECK(memory.front().access.result() == -EFAULT);
}

TEST_CASE("process_vm_readv on a process of no domain is silent", "[MEM-01][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const Victim nobody = start_victim();
  REQUIRE(run_subject({"memory_reader", std::to_string(nobody.process.pid()), nobody.address, "4096"}) == 0);
  CHECK(host.collect_until_marker().empty());
  CHECK(host.counters_of(v1::PROBE_MEMORY_PROCESS_VM).seen() == 0);
}

TEST_CASE("process_vm_readv by a process of the same tenant is counted and not told", "[MEM-01][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const OwnedVictim owned = own_victim(host, kAcme);
  stage::ChildProcess reader = start_subject({"memory_reader", "--wait", owned.pid(), owned.victim.address, "64"});
  REQUIRE(reader.read_line(kPatience).ok());
  const auto key = host.maps().process(static_cast<std::uint32_t>(reader.pid()));
  REQUIRE(host.maps().set_vmm(*key, {.tenant = kAcme.tenant, .domain = 12}, false).ok());
  REQUIRE(reader.write_line("go").ok());
  REQUIRE(*reader.wait(kPatience) == 0);

  const auto records = host.collect_until_marker();
  CHECK(only<MemoryRecord>(records).empty());
  const v1::ProbeCounters counters = host.counters_of(v1::PROBE_MEMORY_PROCESS_VM);
  CHECK(counters.seen() == 1);
  CHECK(counters.suppressed() == 1);
  CHECK(counters.emitted() == 0);
}

TEST_CASE("process_vm_readv by another tenant's process names both tenants", "[MEM-01]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const OwnedVictim owned = own_victim(host, kAcme);
  stage::ChildProcess reader = start_subject({"memory_reader", "--wait", owned.pid(), owned.victim.address, "64"});
  REQUIRE(reader.read_line(kPatience).ok());
  const auto key = host.maps().process(static_cast<std::uint32_t>(reader.pid()));
  REQUIRE(host.maps().set_vmm(*key, kGlobex, false).ok());
  REQUIRE(reader.write_line("go").ok());
  REQUIRE(*reader.wait(kPatience) == 0);

  const auto memory = only<MemoryRecord>(host.collect(at_least<MemoryRecord>(1)));
  REQUIRE(memory.size() == 1);
  CHECK(memory.front().header.actor.tenant == kGlobex.tenant);
  CHECK(memory.front().header.actor.domain == kGlobex.domain);
  check_target(memory.front(), owned);
}

TEST_CASE("two VMMs whose domains are not known yet are not one tenant", "[MEM-01]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const probes::Owner starting{probes::kStartingNumber, 0};
  const OwnedVictim owned = own_victim(host, starting);
  stage::ChildProcess reader = start_subject({"memory_reader", "--wait", owned.pid(), owned.victim.address, "64"});
  REQUIRE(reader.read_line(kPatience).ok());
  const auto key = host.maps().process(static_cast<std::uint32_t>(reader.pid()));
  REQUIRE(host.maps().set_vmm(*key, starting, false).ok());
  REQUIRE(reader.write_line("go").ok());
  REQUIRE(*reader.wait(kPatience) == 0);
  CHECK(only<MemoryRecord>(host.collect(at_least<MemoryRecord>(1))).size() == 1);
}

TEST_CASE("a VMM's pid that another process got since is nobody's", "[MEM-01][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  OwnedVictim owned = own_victim(host, kAcme);
  REQUIRE(host.maps().set_vmm({owned.key.tgid, owned.key.start_ns - 1}, kAcme, false).ok());
  REQUIRE(run_subject({"memory_reader", owned.pid(), owned.victim.address, "64"}) == 0);
  CHECK(only<MemoryRecord>(host.collect_until_marker()).empty());
}

TEST_CASE("ptrace requests on a VMM are told one by one", "[MEM-02]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const OwnedVictim owned = own_victim(host, kAcme);
  stage::ChildProcess tracer = start_subject({"ptrace_attacher", "peek", owned.pid(), owned.victim.address});
  REQUIRE(*tracer.wait(kPatience) == 0);

  const auto records = host.collect(at_least<MemoryRecord>(3));
  const auto memory = only<MemoryRecord>(records);
  REQUIRE(memory.size() == 3);
  CHECK(memory[0].access.ptrace_request() == PTRACE_ATTACH);
  CHECK(memory[1].access.ptrace_request() == PTRACE_PEEKDATA);
  CHECK(memory[1].access.address() == std::stoull(owned.victim.address, nullptr, 16));
  CHECK(memory[2].access.ptrace_request() == PTRACE_DETACH);
  for (const MemoryRecord& record : memory) {
    CHECK(record.header.probe == v1::PROBE_MEMORY_PTRACE);
    CHECK(record.access.operation() == v1::MEMORY_OPERATION_PTRACE);
    CHECK(record.access.result() == 0);
    check_target(record, owned);
    check_actor(records, record, tracer.pid(), "ptrace_attacher");
  }
}

TEST_CASE("PTRACE_SEIZE on a VMM is told", "[MEM-02]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const OwnedVictim owned = own_victim(host, kAcme);
  REQUIRE(run_subject({"ptrace_attacher", "seize", owned.pid()}) == 0);
  const auto memory = only<MemoryRecord>(host.collect(at_least<MemoryRecord>(1)));
  REQUIRE_FALSE(memory.empty());
  CHECK(memory.front().access.ptrace_request() == PTRACE_SEIZE);
}

TEST_CASE("ptrace on a process of no domain is silent", "[MEM-02][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const Victim nobody = start_victim();
  REQUIRE(run_subject({"ptrace_attacher", "attach", std::to_string(nobody.process.pid())}) == 0);
  CHECK(host.collect_until_marker().empty());
}

TEST_CASE("an open of a VMM's /proc/<pid>/mem is told, by whichever path", "[MEM-03]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const OwnedVictim owned = own_victim(host, kAcme, {"--threads=1"});
  const std::string pid = owned.pid();
  const std::string path =
      GENERATE(as<std::string>(), "/proc/PID/mem", "/proc/PID/task/PID/mem", "/proc/self/../PID/mem");
  std::string concrete = path;
  for (std::size_t at; (at = concrete.find("PID")) != std::string::npos;) concrete.replace(at, 3, pid);
  CAPTURE(concrete);
  stage::ChildProcess reader =
      start_subject({"proc_mem_reader", "--open-only", "--path=" + concrete, pid, owned.victim.address, "4096"});
  REQUIRE(*reader.wait(kPatience) == 0);

  const auto records = host.collect(at_least<MemoryRecord>(1));
  const auto memory = only<MemoryRecord>(records);
  REQUIRE(memory.size() == 1);
  const MemoryRecord& record = memory.front();
  CHECK(record.header.probe == v1::PROBE_DISK_FILE_OPEN);
  CHECK(record.access.operation() == v1::MEMORY_OPERATION_PROC_MEM_OPEN);
  CHECK(record.access.result() >= 0);
  CHECK((record.access.open_flags() & O_ACCMODE) == O_RDONLY);
  check_target(record, owned);
  check_actor(records, record, reader.pid(), "proc_mem_reader");
}

TEST_CASE("an open of a VMM's memory through io_uring is told", "[MEM-03]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const OwnedVictim owned = own_victim(host, kAcme);
  REQUIRE(run_subject({"io_uring_opener", "/proc/" + owned.pid() + "/mem"}) == 0);
  const auto memory = only<MemoryRecord>(host.collect(at_least<MemoryRecord>(1)));
  REQUIRE(memory.size() == 1);
  CHECK(memory.front().header.probe == host.teller_of(v1::PROBE_DISK_IO_URING_OPEN));
  CHECK(memory.front().access.operation() == v1::MEMORY_OPERATION_PROC_MEM_OPEN);
  check_target(memory.front(), owned);
}

TEST_CASE("a VMM's other files in procfs, and a stranger's memory, are silent", "[MEM-03][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const OwnedVictim owned = own_victim(host, kAcme);
  const Victim nobody = start_victim();
  for (const char* name : {"stat", "status", "maps", "cmdline"}) {
    REQUIRE(run_subject({"file_opener", "open", "/proc/" + owned.pid() + "/" + name}) == 0);
  }
  REQUIRE(run_subject({"proc_mem_reader", std::to_string(nobody.process.pid()), nobody.address, "64"}) == 0);
  CHECK(host.collect_until_marker().empty());
}

}  // namespace
}  // namespace bulkhead::test
