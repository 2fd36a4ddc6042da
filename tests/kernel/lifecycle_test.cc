#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/kernel/kernel_host.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

using decode::FileOpenRecord;
using decode::LifecycleRecord;

const std::vector<v1::Probe> kWatched = {v1::PROBE_CONTROL_VMM_LIFECYCLE, v1::PROBE_MEMORY_PROCESS_VM,
                                         v1::PROBE_DISK_IO_URING_OPEN};

const std::string kSubjects = stage::program_directory() + "/subjects/";

// A shell that waits for a line and then runs a command as its child.
stage::ChildProcess start_shell(const std::string& command) {
  auto shell = stage::ChildProcess::start({.words = {"/bin/sh", "-c", "echo ready; read go; " + command + "; exit $?"},
                                           .stderr_file = "",
                                           .namespaces = {}});
  REQUIRE(shell.ok());
  REQUIRE(shell->read_line(kPatience).ok());
  return *std::move(shell);
}

TEST_CASE("what a VMM forks and executes is the VMM's") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const TemporaryDirectory directory;
  const std::string path = directory.file("volume");
  REQUIRE(host.maps().set_volume(*host.maps().file_key(path), kAcme).ok());
  const probes::Owner owner = GENERATE(kAcme, kGlobex);
  stage::ChildProcess shell = start_shell(kSubjects + "file_opener openat " + path);
  const auto key = host.maps().process(static_cast<std::uint32_t>(shell.pid()));
  REQUIRE(host.maps().set_vmm(*key, owner, false).ok());
  REQUIRE(shell.write_line("go").ok());
  REQUIRE(*shell.wait(kPatience) == 0);

  const auto opens = only<FileOpenRecord>(host.collect_until_marker());
  if (owner == kAcme) {
    CHECK(opens.empty());
  } else {
    REQUIRE(opens.size() == 1);
    CHECK(opens.front().header.actor.tenant == kGlobex.tenant);
    CHECK(opens.front().header.actor_key.tgid != static_cast<std::uint32_t>(shell.pid()));
  }
}

TEST_CASE("an executed emulator equals no tenant until it is known") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const TemporaryDirectory directory;
  const std::string path = directory.file("volume");
  REQUIRE(host.maps().set_volume(*host.maps().file_key(path), kAcme).ok());
  REQUIRE(host.maps().set_emulator(*host.maps().file_key(kSubjects + "file_opener")).ok());
  stage::ChildProcess emulator = start_subject({"file_opener", "--wait", "openat", path});
  REQUIRE(emulator.read_line(kPatience).ok());

  const auto changes = only<LifecycleRecord>(host.collect(at_least<LifecycleRecord>(1)));
  REQUIRE(changes.size() == 1);
  CHECK(changes.front().change == LifecycleRecord::Change::kEmulatorExec);
  CHECK(changes.front().header.actor_key.tgid == static_cast<std::uint32_t>(emulator.pid()));
  const auto entry = host.maps().vmm(static_cast<std::uint32_t>(emulator.pid()));
  REQUIRE(entry.ok());
  CHECK(entry->owner.tenant == probes::kStartingNumber);
  CHECK(entry->start_ns == changes.front().header.actor_key.start_ns);

  REQUIRE(emulator.write_line("go").ok());
  REQUIRE(*emulator.wait(kPatience) == 0);
  const auto opens = only<FileOpenRecord>(host.collect(at_least<FileOpenRecord>(1)));
  REQUIRE(opens.size() == 1);
  CHECK(opens.front().header.actor.tenant == probes::kStartingNumber);
}

TEST_CASE("a VMM that ends leaves the map, and says so, and its children leave silently") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  stage::ChildProcess shell = start_shell("/bin/true");
  const auto key = host.maps().process(static_cast<std::uint32_t>(shell.pid()));
  REQUIRE(host.maps().set_vmm(*key, kAcme, false).ok());
  REQUIRE(shell.write_line("go").ok());
  REQUIRE(*shell.wait(kPatience) == 0);

  const auto changes = only<LifecycleRecord>(host.collect_until_marker());
  REQUIRE(changes.size() == 1);
  CHECK(changes.front().change == LifecycleRecord::Change::kVmmExit);
  CHECK(changes.front().header.actor.domain == kAcme.domain);
  CHECK(absl::IsNotFound(host.maps().vmm(key->tgid).status()));
}

TEST_CASE("a thread's end does not end its VMM") {
  BULKHEAD_NEEDS_PROBES();
  KernelHost host(kWatched);
  const Victim victim = start_victim({"--threads=2"});
  const auto key = host.maps().process(static_cast<std::uint32_t>(victim.process.pid()));
  REQUIRE(host.maps().set_vmm(*key, kAcme, false).ok());
  CHECK(only<LifecycleRecord>(host.collect_until_marker()).empty());
  CHECK(host.maps().vmm(key->tgid).ok());
}

}  // namespace
}  // namespace bulkhead::test
