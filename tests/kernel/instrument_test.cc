// MEM-04, MEM-08, MEM-10, and reading by a descriptor of /proc/<pid>/mem that another process opened (MEM-03).
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/kernel/owned_victim.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

using decode::MemoryRecord;

const std::vector<v1::Probe> kWatched = {v1::PROBE_MEMORY_INSTRUMENT, v1::PROBE_MEMORY_PROC_MEM};

struct Act {
  std::vector<std::string> words;
  v1::MemoryOperation operation;
};

std::vector<Act> acts_on(const std::string& pid, const std::string& address) {
  return {{{"instrumenter", "getfd", pid, "0"}, v1::MEMORY_OPERATION_PIDFD_GETFD},
          {{"instrumenter", "perf", pid}, v1::MEMORY_OPERATION_PERF_EVENT},
          {{"instrumenter", "kcmp", pid, std::to_string(getpid())}, v1::MEMORY_OPERATION_KCMP},
          {{"instrumenter", "kcmp", std::to_string(getpid()), pid}, v1::MEMORY_OPERATION_KCMP},
          {{"instrumenter", "madvise", pid, address}, v1::MEMORY_OPERATION_PROCESS_MADVISE}};
}

}  // namespace

TEST_CASE("each way to take from a VMM, to measure it or to advise on it is told with its target", "[MEM-04][MEM-10]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const OwnedVictim owned = own_victim(host, kAcme);
  for (const Act& act : acts_on(owned.pid(), owned.victim.address)) {
    INFO(act.words[1]);
    const int status = run_subject(act.words);
    const auto memory = only<MemoryRecord>(host.collect(at_least<MemoryRecord>(1)));
    REQUIRE(memory.size() == 1);
    CHECK(memory.front().header.probe == v1::PROBE_MEMORY_INSTRUMENT);
    CHECK(memory.front().access.operation() == act.operation);
    CHECK((memory.front().access.result() >= 0) == (status == 0));
    check_target(memory.front(), owned);
  }
  const auto counters = host.counters_of(v1::PROBE_MEMORY_INSTRUMENT);
  CHECK(counters.seen() == counters.emitted());
}

TEST_CASE("a descriptor that is taken is named by its number in the VMM", "[MEM-04]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const OwnedVictim owned = own_victim(host, kAcme);
  REQUIRE(run_subject({"instrumenter", "getfd", owned.pid(), "1"}) == 0);
  REQUIRE(run_subject({"instrumenter", "getfd", owned.pid(), "999999"}) == 1);
  const auto memory = only<MemoryRecord>(host.collect(at_least<MemoryRecord>(2)));
  REQUIRE(memory.size() == 2);
  CHECK(memory[0].access.descriptor_number() == 1);
  CHECK(memory[0].access.result() > 2);
  CHECK(memory[1].access.descriptor_number() == 999999);
  CHECK(memory[1].access.result() == -EBADF);
}

TEST_CASE("the same on a process of no domain is silent", "[MEM-04][MEM-10][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const Victim nobody = start_victim();
  for (const Act& act : acts_on(std::to_string(nobody.process.pid()), nobody.address)) run_subject(act.words);
  CHECK(host.collect_until_marker().empty());
  CHECK(host.counters_of(v1::PROBE_MEMORY_INSTRUMENT).seen() == 0);
}

TEST_CASE("a descriptor that is no pidfd names nobody", "[MEM-04][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const OwnedVictim owned = own_victim(host, kAcme);
  // An ordinary file, and an anonymous one of another kind.
  const int file = open("/dev/null", O_RDONLY);
  CHECK(syscall(SYS_pidfd_getfd, file, 0, 0) < 0);
  CHECK(syscall(SYS_pidfd_getfd, 9999, 0, 0) < 0);
  close(file);
  CHECK(host.collect_until_marker().empty());
  CHECK(host.counters_of(v1::PROBE_MEMORY_INSTRUMENT).seen() == 0);
}

TEST_CASE("all of the host's memory, opened by whatever name, is told, and another device of its driver is not",
          "[MEM-08]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const TemporaryDirectory directory;
  const std::string node = directory.path() + "/innocent";
  const std::string zero = directory.path() + "/zero";
  REQUIRE(mknod(node.c_str(), S_IFCHR | 0600, makedev(1, 1)) == 0);
  REQUIRE(mknod(zero.c_str(), S_IFCHR | 0600, makedev(1, 5)) == 0);
  REQUIRE(run_subject({"file_opener", "open", zero}) == 0);
  std::vector<std::string> opened;
  if (run_subject({"file_opener", "openat", node}) == 0) opened.push_back(node);
  // Only with CONFIG_PROC_KCORE.
  if (std::filesystem::exists("/proc/kcore") && run_subject({"file_opener", "open", "/proc/kcore"}) == 0) {
    opened.push_back("/proc/kcore");
  }
  // A kernel that gives this memory to nobody (lockdown, no CONFIG_DEVMEM) leaves nothing to tell.
  if (opened.empty()) {
    CHECK(host.collect_until_marker().empty());
    return;
  }
  const auto records = only<decode::FileOpenRecord>(host.collect(at_least<decode::FileOpenRecord>(opened.size())));
  REQUIRE(records.size() == opened.size());
  for (const decode::FileOpenRecord& record : records) {
    CHECK(record.is_host_memory);
    CHECK(std::ranges::count(opened, record.path) == 1);
    CHECK(record.header.object.tenant == probes::kHostNumber);
  }
}

TEST_CASE("reading by a descriptor of /proc/PID/mem that came from another process is told, where the kernel allows",
          "[MEM-03]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const OwnedVictim owned = own_victim(host, kAcme);
  const int mem = open(("/proc/" + owned.pid() + "/mem").c_str(), O_RDONLY);
  REQUIRE(mem >= 0);
  REQUIRE(only<MemoryRecord>(host.collect(at_least<MemoryRecord>(1))).size() == 1);
  // The child inherits what this process opened.
  stage::ChildProcess reader = start_subject(
      {"proc_mem_reader", "--descriptor=" + std::to_string(mem), owned.pid(), owned.victim.address, "128"});
  REQUIRE(*reader.wait(kPatience) == 0);
  close(mem);
  const auto memory = only<MemoryRecord>(host.collect_until_marker());
  const auto read = std::ranges::find_if(memory, [](const MemoryRecord& record) {
    return record.access.operation() == v1::MEMORY_OPERATION_PROC_MEM_READ;
  });
  // Where it is missing, the coverage says so.
  REQUIRE((read != memory.end()) == host.attached(v1::PROBE_MEMORY_PROC_MEM));
  if (read == memory.end()) return;
  CHECK(read->access.result() == 128);
  CHECK(read->access.address() == std::stoull(owned.victim.address, nullptr, 16));
  check_target(*read, owned);
}

}  // namespace bulkhead::test
