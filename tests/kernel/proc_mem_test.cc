// MEM-03 by other names and other hands: whichever way leads to a VMM's /proc/<pid>/mem, it is that file.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/kernel/descriptor_gift.h"
#include "tests/kernel/owned_victim.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

using decode::MemoryRecord;

const std::vector<v1::Probe> kWatched = {v1::PROBE_MEMORY_PROC_MEM, v1::PROBE_DISK_IO_URING_OPEN,
                                         v1::PROBE_MEMORY_FILE_RECEIVE};

std::string subject(const std::string& name) {
  return stage::program_directory() + "/subjects/" + name;
}

std::vector<MemoryRecord> of_operation(const std::vector<MemoryRecord>& records, v1::MemoryOperation operation) {
  std::vector<MemoryRecord> found;
  std::ranges::copy_if(records, std::back_inserter(found),
                       [&](const MemoryRecord& one) { return one.access.operation() == operation; });
  return found;
}

// What was read is told where the kernel lets us into mem_rw, and only there.
void check_moved(KernelHost& host, const std::vector<MemoryRecord>& records, v1::MemoryOperation operation,
                 const OwnedVictim& owned, std::int64_t bytes) {
  const auto moved = of_operation(records, operation);
  REQUIRE(moved.size() == (host.attached(v1::PROBE_MEMORY_PROC_MEM) ? 1 : 0));
  if (moved.empty()) return;
  CHECK(moved.front().header.probe == v1::PROBE_MEMORY_PROC_MEM);
  CHECK(moved.front().access.result() == bytes);
  CHECK(moved.front().access.address() == std::stoull(owned.victim.address, nullptr, 16));
  check_target(moved.front(), owned);
}

// Runs in a mount namespace of its own; $1 is a folder there, $2 the VMM's pid. It prints the path to use.
struct Way {
  const char* name;
  const char* script;
};
const Way kWays[] = {{"a second procfs", "mount -t proc proc $1 && path=$1/$2/mem"},
                     {"procfs bound elsewhere", "mount --rbind /proc $1 && path=$1/$2/mem"},
                     {"the file bound over another", "touch $1/f && mount --bind /proc/$2/mem $1/f && path=$1/f"},
                     {"a task's folder bound elsewhere", "mount --bind /proc/$2/task/$2 $1 && path=$1/mem"},
                     {"a symbolic link", "ln -s /proc/$2/mem $1/innocent && path=$1/innocent"},
                     {"by way of a root folder in procfs", "path=/proc/self/root/proc/$2/mem"}};

}  // namespace

TEST_CASE("a VMM's memory file is told through any mount of procfs and any link", "[MEM-03]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const OwnedVictim owned = own_victim(host, kAcme);
  for (const Way& way : kWays) {
    INFO(way.name);
    const TemporaryDirectory directory;
    const std::string reader = subject("proc_mem_reader") + " --path=$path $2 $3 64";
    const auto outcome = stage::run(
        {{"unshare", "--mount", "--propagation", "private", "sh", "-ec", std::string(way.script) + "\nexec " + reader,
          "sh", directory.path(), owned.pid(), owned.victim.address},
         "",
         {}},
        kPatience);
    REQUIRE(outcome.status() == absl::OkStatus());
    INFO(outcome->output);
    REQUIRE(outcome->exit_status == 0);
    const auto records = only<MemoryRecord>(host.collect_until_marker());
    const auto opened = of_operation(records, v1::MEMORY_OPERATION_PROC_MEM_OPEN);
    REQUIRE(opened.size() == 1);
    check_target(opened.front(), owned);
    CHECK(opened.front().header.actor.tenant == probes::kHostNumber);
    check_moved(host, records, v1::MEMORY_OPERATION_PROC_MEM_READ, owned, 64);
  }
}

TEST_CASE("the memory file of a VMM's other thread is told with that thread", "[MEM-03]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const OwnedVictim owned = own_victim(host, kAcme, {"--threads=1"});
  std::string thread;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + owned.pid() + "/task")) {
    if (entry.path().filename() != owned.pid()) thread = entry.path().filename();
  }
  REQUIRE_FALSE(thread.empty());
  // Both the folder below the process and the one that readdir does not show.
  for (const std::string& path : {"/proc/" + owned.pid() + "/task/" + thread + "/mem", "/proc/" + thread + "/mem"}) {
    INFO(path);
    REQUIRE(run_subject({"proc_mem_reader", "--path=" + path, owned.pid(), owned.victim.address, "64"}) == 0);
    const auto opened =
        of_operation(only<MemoryRecord>(host.collect_until_marker()), v1::MEMORY_OPERATION_PROC_MEM_OPEN);
    REQUIRE(opened.size() == 1);
    CHECK(opened.front().access.target_thread_id() == std::stoul(thread));
    check_target(opened.front(), owned);
  }
}

TEST_CASE("a write to a VMM's memory file is told by its open for writing, and by its bytes", "[MEM-03]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const OwnedVictim owned = own_victim(host, kAcme);
  REQUIRE(run_subject({"proc_mem_reader", "--write", owned.pid(), owned.victim.address, "32"}) == 0);
  const auto records = only<MemoryRecord>(host.collect_until_marker());
  const auto opened = of_operation(records, v1::MEMORY_OPERATION_PROC_MEM_OPEN);
  REQUIRE(opened.size() == 1);
  CHECK((opened.front().access.open_flags() & O_ACCMODE) == O_RDWR);
  check_moved(host, records, v1::MEMORY_OPERATION_PROC_MEM_WRITE, owned, 32);
}

TEST_CASE("a read through an io_uring, also by its worker, is told as the process's", "[MEM-03]") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const OwnedVictim owned = own_victim(host, kAcme);
  const std::string way = GENERATE("--openat2", "--direct", "--async", "--sqpoll");
  CAPTURE(way);
  stage::ChildProcess reader = start_subject(
      {"io_uring_opener", way, "--read=64", "--at=" + owned.victim.address, "/proc/" + owned.pid() + "/mem"});
  REQUIRE(*reader.wait(kPatience) == 0);
  const auto records = only<MemoryRecord>(host.collect_until_marker());
  const auto opened = of_operation(records, v1::MEMORY_OPERATION_PROC_MEM_OPEN);
  REQUIRE(opened.size() == 1);
  for (const MemoryRecord& one : records) {
    CHECK(one.header.actor_key.tgid == static_cast<std::uint32_t>(reader.pid()));
  }
  check_moved(host, records, v1::MEMORY_OPERATION_PROC_MEM_READ, owned, 64);
}

TEST_CASE("a descriptor of a VMM's memory that is handed over is told, and what is read by it", "[MEM-03][MEM-04]") {
  BULKHEAD_NEEDS_PROBES();
  const Victim victim = start_victim();
  const stage::FileDescriptor mem(
      open(("/proc/" + std::to_string(victim.process.pid()) + "/mem").c_str(), O_RDONLY | O_CLOEXEC));
  REQUIRE(mem.get() >= 0);
  KernelHost host(kWatched);
  const auto key = host.maps().process(static_cast<std::uint32_t>(victim.process.pid()));
  REQUIRE((key.ok() && host.maps().set_vmm(*key, kAcme, false).ok()));
  DescriptorGift gift({"--read=" + victim.address});
  gift.send(mem.get());
  CHECK_THAT(*gift.receiver().read_line(kPatience), Catch::StartsWith("done received"));
  const auto records = only<MemoryRecord>(host.collect_until_marker());
  const auto received = of_operation(records, v1::MEMORY_OPERATION_PROC_MEM_RECEIVE);
  REQUIRE(received.size() == (host.attached(v1::PROBE_MEMORY_FILE_RECEIVE) ? 1 : 0));
  const auto read = of_operation(records, v1::MEMORY_OPERATION_PROC_MEM_READ);
  REQUIRE(read.size() == (host.attached(v1::PROBE_MEMORY_PROC_MEM) ? 1 : 0));
  CHECK(records.size() == received.size() + read.size());
  for (const MemoryRecord& one : records) {
    CHECK(one.header.actor_key.tgid == static_cast<std::uint32_t>(gift.receiver().pid()));
    CHECK(one.target_tgid == key->tgid);
    CHECK(one.header.object.domain == kAcme.domain);
  }
}

}  // namespace bulkhead::test
