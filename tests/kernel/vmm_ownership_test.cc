// Which processes are a domain's VMM, and from when: those of a snapshot, those that start, and those that are none.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <map>
#include <set>

#include "tests/kernel/attribution_host.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

using attribute::Attributor;
using inventory::VmmIdentity;
using Host = AttributionHost;

TEST_CASE("a VMM of the snapshot, and a child that it had before, are their domain's") {
  BULKHEAD_NEEDS_PROBES();
  Host host;
  const TemporaryDirectory images;
  const std::string path = images.file("disk.raw");
  const std::string opener = stage::program_directory() + "/subjects/file_opener";
  // The child is there before the agent knows of its parent.
  auto shell = stage::ChildProcess::start({.words = {"/bin/sh", "-c", opener + " --wait openat " + path + "; exit $?"},
                                           .stderr_file = "",
                                           .namespaces = {}});
  REQUIRE(shell.ok());
  REQUIRE(shell->read_line(kPatience).ok());
  inventory::Domain acme = domain("acme-1", "acme");
  acme.volumes = {volume(path)};
  acme.vmm_pid = static_cast<std::uint32_t>(shell->pid());
  acme.emulator = "/bin/sh";
  acme.state = inventory::DomainState::kRunning;
  host.ownership->apply(snapshot_of({acme}));
  REQUIRE(shell->write_line("go").ok());
  REQUIRE(*shell->wait(kPatience) == 0);
  CHECK(host.events().empty());
  CHECK(host.kernel.counters_of(v1::PROBE_DISK_FILE_OPEN).suppressed() == 1);
}

TEST_CASE("a process that has not executed its emulator yet is no VMM, and is one once it has", "[VMM-01][twin]") {
  BULKHEAD_NEEDS_PROBES();
  Host host(v1::PROBE_VMM_CONFINEMENT);
  // As libvirt's child between its pid file and its exec.
  auto child = stage::ChildProcess::start(
      {.words = {"/bin/sh", "-c", "read line; exec sleep 60"}, .stderr_file = "", .namespaces = {}});
  REQUIRE(child.ok());
  const auto pid = static_cast<std::uint32_t>(child->pid());
  inventory::Domain acme = domain("acme-1", "acme");
  acme.vmm_pid = pid;
  acme.state = inventory::DomainState::kRunning;
  acme.emulator = "/usr/bin/sleep";
  CHECK(host.ownership->apply(snapshot_of({acme})).incomplete);
  CHECK_FALSE(host.kernel.maps().vmm(pid).ok());
  REQUIRE(child->write_line("go").ok());
  while (std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/exe").filename() != "sleep") usleep(1'000);
  host.ownership->apply(snapshot_of({acme}));
  const auto entry = host.kernel.maps().vmm(pid);
  REQUIRE(entry.ok());
  CHECK(entry->owner.tenant != probes::kStartingNumber);
  CHECK(only<decode::VmmActRecord>(host.kernel.collect_until_marker()).empty());
}

TEST_CASE("what a starting VMM did is told with its domain, once that is known", "[MEM-01]") {
  BULKHEAD_NEEDS_PROBES();
  Host host;
  const TemporaryDirectory images;
  const std::string path = images.file("disk.raw");
  inventory::Domain acme = domain("acme-1", "acme");
  acme.volumes = {volume(path)};
  host.ownership->apply(snapshot_of({acme, domain("globex-1", "globex")}));
  const std::string emulator = stage::program_directory() + "/subjects/file_opener";
  REQUIRE(host.kernel.maps().set_emulator(*host.kernel.maps().file_key(emulator)).ok());
  REQUIRE(run_subject({"file_opener", "openat", path}) == 0);
  CHECK(host.events().empty());
  CHECK(host.attributor->waiting());

  const std::string name = GENERATE("acme-1", "globex-1");
  const std::string tenant = name == "acme-1" ? "acme" : "globex";
  host.ownership->settle_starting(
      [&](std::uint32_t) {
        VmmIdentity identity;
        identity.verdict = VmmIdentity::Verdict::kDomain;
        identity.domain_uuid = "uuid-of-" + name;
        identity.domain_name = name;
        identity.tenant = tenant;
        return identity;
      },
      Attributor::Clock::now());
  const auto events = host.events();
  REQUIRE(events.size() == 1);
  CHECK(events.front().actor().tenant() == tenant);
  CHECK(events.front().actor().domain_name() == name);
  CHECK(events.front().object().tenant() == "acme");
}

TEST_CASE("300 VMMs that start at once, and end before anyone knows whose they are, are each its own domain's",
          "[DISK-01]") {
  BULKHEAD_NEEDS_PROBES();
  Host host;
  const TemporaryDirectory images;
  const std::string path = images.file("disk.raw");
  constexpr std::uint32_t kVmms = 300;
  const auto name_of = [](std::uint32_t i) { return "vm-" + std::to_string(i); };
  const auto tenant_of = [](std::uint32_t i) { return "tenant-" + std::to_string(i % 3); };
  std::vector<inventory::Domain> domains;
  for (std::uint32_t i = 0; i < kVmms; ++i) domains.push_back(domain(name_of(i), tenant_of(i)));
  domains.front().volumes = {volume(path)};
  host.ownership->apply(snapshot_of(domains));
  const std::string emulator = stage::program_directory() + "/subjects/file_opener";
  REQUIRE(host.kernel.maps().set_emulator(*host.kernel.maps().file_key(emulator)).ok());

  std::vector<stage::ChildProcess> vmms;
  std::map<std::uint32_t, std::uint32_t> numbers;  // by pid
  for (std::uint32_t i = 0; i < kVmms; ++i) {
    vmms.push_back(start_subject({"file_opener", "openat", path}));
    vmms.back().close_stdin();
    numbers.emplace(static_cast<std::uint32_t>(vmms.back().pid()), i);
  }
  for (stage::ChildProcess& vmm : vmms) REQUIRE(*vmm.wait(kPatience) == 0);
  CHECK(host.events().empty());
  host.ownership->settle_starting(
      [&](std::uint32_t pid) {
        VmmIdentity identity;
        identity.verdict = VmmIdentity::Verdict::kDomain;
        identity.domain_name = name_of(numbers.at(pid));
        identity.domain_uuid = "uuid-of-" + identity.domain_name;
        identity.tenant = tenant_of(numbers.at(pid));
        return identity;
      },
      Attributor::Clock::now());
  const auto events = host.events();
  CHECK(events.size() == kVmms);
  std::set<std::uint32_t> told;
  for (const v1::Event& event : events) {
    const std::uint32_t number = numbers.at(event.actor().process().pid());
    told.insert(number);
    CHECK(event.actor().domain_name() == name_of(number));
    CHECK(event.actor().tenant() == tenant_of(number));
    CHECK(event.object().tenant() == tenant_of(0));
  }
  CHECK(told.size() == kVmms);
}

TEST_CASE("a process that ran an emulator and is no domain's VMM is the host's") {
  BULKHEAD_NEEDS_PROBES();
  Host host;
  const TemporaryDirectory images;
  const std::string path = images.file("disk.raw");
  inventory::Domain acme = domain("acme-1", "acme");
  acme.volumes = {volume(path)};
  host.ownership->apply(snapshot_of({acme}));
  const std::string emulator = stage::program_directory() + "/subjects/file_opener";
  REQUIRE(host.kernel.maps().set_emulator(*host.kernel.maps().file_key(emulator)).ok());
  stage::ChildProcess process = start_subject({"file_opener", "--wait", "openat", path});
  REQUIRE(process.read_line(kPatience).ok());
  CHECK(host.events().empty());
  VmmIdentity nobody;
  nobody.verdict = VmmIdentity::Verdict::kNotADomain;
  host.ownership->settle_starting([&](std::uint32_t) { return nobody; }, Attributor::Clock::now());
  CHECK(absl::IsNotFound(host.kernel.maps().vmm(static_cast<std::uint32_t>(process.pid())).status()));
  REQUIRE(process.write_line("go").ok());
  REQUIRE(*process.wait(kPatience) == 0);
  const auto events = host.events();
  REQUIRE(events.size() == 1);
  CHECK(events.front().actor().tenant() == "host");
}

}  // namespace
}  // namespace bulkhead::test
