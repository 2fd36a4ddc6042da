// The tools that a person on the host has at hand, as they come: what each of them does to a VMM, and to another
// process.
#include <fcntl.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/kernel/owned_victim.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

using decode::FileOpenRecord;
using decode::MemoryRecord;

const std::vector<v1::Probe> kWatched = {v1::PROBE_MEMORY_PROCESS_VM, v1::PROBE_MEMORY_PTRACE,
                                         v1::PROBE_MEMORY_PROC_MEM, v1::PROBE_MEMORY_INSTRUMENT,
                                         v1::PROBE_DISK_IO_URING_OPEN};

// A debugger takes a while to start in an emulated host.
constexpr stage::Milliseconds kToolPatience{120'000};
constexpr const char* kMarker = "BULKHEAD-VICTIM-MARKER";

// Its path; empty when it is not installed.
std::string path_of(const std::string& tool) {
  for (const char* directory : {"/usr/bin/", "/usr/sbin/", "/bin/"}) {
    std::error_code error;
    const auto path = std::filesystem::canonical(directory + tool, error);
    if (!error) return path;
  }
  return "";
}

std::string run_tool(std::vector<std::string> words) {
  const auto outcome = stage::run({std::move(words), "/dev/null", {}}, kToolPatience);
  REQUIRE(outcome.status() == absl::OkStatus());
  CHECK(outcome->exit_status == 0);
  return outcome->output;
}

std::string start_of(const std::string& path, std::size_t bytes) {
  std::ifstream file(path, std::ios::binary);
  std::string text(bytes, '\0');
  file.read(text.data(), static_cast<std::streamsize>(bytes));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

// The records whose actor runs that executable.
template <typename Kind>
std::vector<Kind> told_of(const std::vector<decode::Record>& records, const std::string& executable) {
  std::vector<Kind> found = only<Kind>(records);
  const auto actors = only<decode::ActorRecord>(records);
  std::erase_if(found, [&](const Kind& one) {
    return std::ranges::none_of(actors, [&](const decode::ActorRecord& actor) {
      return actor.header.actor_key == one.header.actor_key && actor.executable == executable;
    });
  });
  return found;
}

long count(const std::vector<MemoryRecord>& records, v1::MemoryOperation operation) {
  return std::ranges::count(records, operation, [](const MemoryRecord& one) { return one.access.operation(); });
}

bool requests(const std::vector<MemoryRecord>& records, std::uint32_t request) {
  return std::ranges::any_of(records, [request](const MemoryRecord& one) {
    return one.access.operation() == v1::MEMORY_OPERATION_PTRACE && one.access.ptrace_request() == request;
  });
}

void check_all(const std::vector<MemoryRecord>& records, const OwnedVictim& owned) {
  for (const MemoryRecord& record : records) {
    check_target(record, owned);
    CHECK(record.header.actor.tenant == probes::kHostNumber);
    CHECK_FALSE(record.header.trusted);
  }
}

std::string pid_of(const Victim& victim) {
  return std::to_string(victim.process.pid());
}

std::vector<std::string> gdb(const Victim& victim) {
  return {"gdb", "-nx", "-batch", "-p", pid_of(victim), "-ex", "x/s " + victim.address, "-ex", "detach"};
}

std::vector<std::string> dd(const Victim& victim, const std::string& to) {
  return {"dd",       "if=/proc/" + pid_of(victim) + "/mem",
          "bs=16",    absl::StrCat("skip=", std::stoull(victim.address, nullptr, 16) / 16),
          "of=" + to, "count=2"};
}

// As a person would; what perf calls a workload only says for how long.
std::vector<std::string> perf(const Victim& victim, const std::string& command, const std::string& to) {
  const std::string event = command == "record" ? "cpu-clock" : "task-clock";
  return {"perf", command, "-e", event, "-o", to, "-p", pid_of(victim), "--", "sleep", "0.1"};
}

#define BULKHEAD_NEEDS_TOOL(name) \
  if (path_of(name).empty()) BULKHEAD_SKIP(name " is not installed")

TEST_CASE("gdb on a VMM is told: that it attaches, reads and lets go", "[MEM-02][MEM-03]") {
  BULKHEAD_NEEDS_PROBES();
  BULKHEAD_NEEDS_TOOL("gdb");
  KernelHost host(kWatched);
  const OwnedVictim owned = own_victim(host, kAcme);
  CHECK_THAT(run_tool(gdb(owned.victim)), Catch::Contains(kMarker));

  const auto told = told_of<MemoryRecord>(host.collect_until_marker(), path_of("gdb"));
  check_all(told, owned);
  CHECK(requests(told, PTRACE_ATTACH));
  CHECK(requests(told, PTRACE_DETACH));
  CHECK(count(told, v1::MEMORY_OPERATION_PROC_MEM_OPEN) >= 1);
}

TEST_CASE("a core of a VMM that gcore takes is told", "[MEM-02][MEM-03]") {
  BULKHEAD_NEEDS_PROBES();
  BULKHEAD_NEEDS_TOOL("gcore");
  KernelHost host(kWatched);
  const TemporaryDirectory directory;
  const OwnedVictim owned = own_victim(host, kAcme);
  run_tool({"gcore", "-o", directory.path() + "/core", owned.pid()});
  // It took the guest's memory indeed.
  REQUIRE(std::filesystem::file_size(directory.path() + "/core." + owned.pid()) > 1 << 20);

  const auto told = told_of<MemoryRecord>(host.collect_until_marker(), path_of("gdb"));
  check_all(told, owned);
  CHECK(requests(told, PTRACE_ATTACH));
  CHECK(count(told, v1::MEMORY_OPERATION_PROC_MEM_OPEN) >= 1);
}

TEST_CASE("strace on a VMM is told from its first request on", "[MEM-02]") {
  BULKHEAD_NEEDS_PROBES();
  BULKHEAD_NEEDS_TOOL("strace");
  KernelHost host(kWatched);
  const TemporaryDirectory directory;
  OwnedVictim owned = own_victim(host, kAcme);
  const std::string log = directory.path() + "/log";
  auto strace =
      stage::ChildProcess::start({{"strace", "-f", "-o", log, "-p", owned.pid()}, directory.path() + "/words", {}});
  REQUIRE(strace.ok());
  const auto seized = [&](const std::vector<decode::Record>& records) {
    return requests(told_of<MemoryRecord>(records, path_of("strace")), PTRACE_SEIZE);
  };
  const auto records = host.collect(seized, kToolPatience);
  CHECK(seized(records));
  check_all(told_of<MemoryRecord>(records, path_of("strace")), owned);
  // The VMM ends, and with it the tracing.
  owned.victim.process.close_stdin();
  CHECK(*strace->wait(kToolPatience) == 0);
  CHECK_THAT(start_of(log, 1 << 16), Catch::Contains("exited with 0"));
}

TEST_CASE("dd on a VMM's /proc/PID/mem is told, and what it read where the kernel allows", "[MEM-03]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const TemporaryDirectory directory;
  const OwnedVictim owned = own_victim(host, kAcme);
  const std::string copy = directory.path() + "/copy";
  run_tool(dd(owned.victim, copy));
  CHECK_THAT(start_of(copy, 32), Catch::StartsWith(kMarker));

  const auto told = told_of<MemoryRecord>(host.collect_until_marker(), path_of("dd"));
  check_all(told, owned);
  CHECK(count(told, v1::MEMORY_OPERATION_PROC_MEM_OPEN) == 1);
  // Two blocks of 16 bytes.
  CHECK(count(told, v1::MEMORY_OPERATION_PROC_MEM_READ) == (host.attached(v1::PROBE_MEMORY_PROC_MEM) ? 2 : 0));
  for (const MemoryRecord& one : told) {
    if (one.access.operation() == v1::MEMORY_OPERATION_PROC_MEM_READ) CHECK(one.access.result() == 16);
  }
}

TEST_CASE("perf stat and perf record on a VMM are told", "[MEM-10]") {
  BULKHEAD_NEEDS_PROBES();
  BULKHEAD_NEEDS_TOOL("perf");
  KernelHost host(kWatched);
  const TemporaryDirectory directory;
  const OwnedVictim owned = own_victim(host, kAcme, {"--threads=1"});
  for (const char* command : {"stat", "record"}) {
    INFO(command);
    run_tool(perf(owned.victim, command, directory.path() + "/" + command));
    const auto told = told_of<MemoryRecord>(host.collect_until_marker(), path_of("perf"));
    check_all(told, owned);
    // One at least for each of its two threads.
    std::set<std::uint32_t> threads;
    for (const MemoryRecord& one : told) {
      if (one.access.operation() == v1::MEMORY_OPERATION_PERF_EVENT) threads.insert(one.access.target_thread_id());
    }
    CHECK(threads.size() == 2);
  }
}

TEST_CASE("the same tools on a process of no domain are silent", "[MEM-02][MEM-03][MEM-10][twin]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const TemporaryDirectory directory;
  const Victim nobody = start_victim();
  const std::string out = directory.path() + "/out";
  if (!path_of("gdb").empty()) CHECK_THAT(run_tool(gdb(nobody)), Catch::Contains(kMarker));
  run_tool(dd(nobody, out));
  if (!path_of("perf").empty()) run_tool(perf(nobody, "stat", out));
  CHECK(host.collect_until_marker().empty());
  for (const v1::Probe probe : kWatched) CHECK(host.counters_of(probe).seen() == 0);
}

TEST_CASE("cat, dd, cp and qemu-img on a tenant's volume are told by their names", "[DISK-01]") {
  BULKHEAD_NEEDS_PROBES();
  BULKHEAD_NEEDS_TOOL("qemu-img");
  KernelHost host({v1::PROBE_DISK_IO_URING_OPEN});
  const TemporaryDirectory directory;
  const std::string volume = directory.file("volume.raw", 1 << 20), to = directory.path() + "/to";
  const auto key = host.maps().file_key(volume);
  REQUIRE((key.ok() && host.maps().set_volume(*key, kAcme).ok()));
  const std::vector<std::vector<std::string>> acts = {
      {"cat", volume},
      {"dd", "if=" + volume, "of=" + to},
      {"cp", volume, to},
      {"qemu-img", "info", "-f", "raw", volume},
      {"qemu-img", "convert", "-f", "raw", "-O", "raw", volume, to},
      {"qemu-img", "dd", "-f", "raw", "-O", "raw", "if=" + volume, "of=" + to, "bs=1M"},
      {"dd", "if=/dev/zero", "of=" + volume, "bs=512", "count=1", "conv=notrunc"}};
  for (const auto& words : acts) {
    INFO(words[0] << " " << words[1]);
    run_tool(words);
    const auto opens = told_of<FileOpenRecord>(host.collect_until_marker(), path_of(words[0]));
    CHECK_FALSE(opens.empty());
    const bool writes = words.back() == "conv=notrunc";
    for (const FileOpenRecord& open : opens) {
      CHECK(open.path == volume);
      CHECK(open.header.object.tenant == kAcme.tenant);
      CHECK((open.open.flags() & O_ACCMODE) == (writes ? O_WRONLY : O_RDONLY));
    }
  }
}

}  // namespace
}  // namespace bulkhead::test
