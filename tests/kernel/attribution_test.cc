// From a real act to an event with names: ownership taken from a snapshot, the records of the kernel, the attributor.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "agent/attribute/attributor.h"
#include "agent/ownership/ownership.h"
#include "tests/kernel/kernel_host.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

using attribute::Attributor;
using inventory::VmmIdentity;

inventory::Domain domain(const std::string& name, const std::string& tenant) {
  inventory::Domain one;
  one.uuid = "uuid-of-" + name;
  one.name = name;
  one.tenant = tenant;
  one.tenant_source = "bulkhead";
  one.emulator = "/usr/bin/qemu-system-x86_64";
  return one;
}

inventory::Volume volume(const std::string& path, bool read_only = false) {
  inventory::Volume one;
  one.source = path;
  one.type = "file";
  one.target = "vda";
  one.read_only = read_only;
  return one;
}

inventory::Snapshot snapshot_of(std::vector<inventory::Domain> domains) {
  return {.domains = std::move(domains), .connected = true, .error = ""};
}

class Host {
 public:
  // Besides those that most of these tests need.
  explicit Host(v1::Probe more = v1::PROBE_CONTROL_VMM_LIFECYCLE)
      : kernel({v1::PROBE_CONTROL_VMM_LIFECYCLE, v1::PROBE_MEMORY_PROCESS_VM, more}) {
    auto created = ownership::Ownership::create(kernel.maps(), state.path(), {});
    if (!created.ok()) FAIL(created.status().message());
    ownership = *std::move(created);
    attributor = std::make_unique<Attributor>(*ownership);
  }

  // Everything that was told until now, as events; lifecycle records are taken as the agent takes them.
  std::vector<v1::Event> events(Attributor::Clock::time_point now = Attributor::Clock::now()) {
    for (decode::Record& record : kernel.collect_until_marker()) {
      if (const auto* change = std::get_if<decode::LifecycleRecord>(&record)) {
        const auto& key = change->header.actor_key;
        if (change->change == decode::LifecycleRecord::Change::kEmulatorExec) {
          ownership->starting().begin({key.tgid, key.start_ns}, now);
        }
      } else {
        attributor->take(std::move(record), now);
      }
    }
    return attributor->ready(now, 0);
  }

  TemporaryDirectory state;
  KernelHost kernel;
  std::unique_ptr<ownership::Ownership> ownership;
  std::unique_ptr<Attributor> attributor;
};

TEST_CASE("a stolen look at a volume becomes an event with both tenants, the process and its parents", "[DISK-01]") {
  BULKHEAD_NEEDS_PROBES();
  Host host;
  const TemporaryDirectory images;
  const std::string path = images.file("disk.raw");
  inventory::Domain acme = domain("acme-1", "acme");
  acme.volumes = {volume(path)};
  const auto applied = host.ownership->apply(snapshot_of({acme}));
  CHECK(applied.inventory.domains(0).volumes(0).watched());
  CHECK_FALSE(applied.incomplete);

  stage::ChildProcess opener = start_subject({"file_opener", "openat", path});
  REQUIRE(*opener.wait(kPatience) == 0);
  const auto events = host.events();
  REQUIRE(events.size() == 1);
  const v1::Event& event = events.front();
  CHECK(event.actor().tenant() == "host");
  CHECK(event.actor().process().pid() == static_cast<std::uint32_t>(opener.pid()));
  CHECK(event.actor().process().executable() ==
        std::filesystem::canonical(stage::program_directory() + "/subjects/file_opener").string());
  CHECK(event.actor().process().command() == "file_opener");
  REQUIRE(event.actor().lineage_size() > 0);
  CHECK(event.actor().uid() == getuid());
  std::uint32_t login_uid = 0;
  std::ifstream("/proc/self/loginuid") >> login_uid;
  CHECK(event.actor().login_uid() == login_uid);
  CHECK(event.actor().lineage(0).pid() == static_cast<std::uint32_t>(getpid()));
  CHECK(event.actor().lineage(0).executable() == std::filesystem::canonical("/proc/self/exe").string());
  CHECK(event.object().kind() == v1::OBJECT_KIND_VOLUME);
  CHECK(event.object().tenant() == "acme");
  CHECK(event.object().domain_name() == "acme-1");
  CHECK(event.object().domain_uuid() == "uuid-of-acme-1");
  CHECK(event.object().id() == path);
  CHECK(event.path() == path);
  CHECK(event.boot_time_ns() > 0);
}

TEST_CASE("an open is a host service's only as far as its operations, tenants, user and unit go", "[DISK-01][twin]") {
  BULKHEAD_NEEDS_PROBES();
  Host host;
  const TemporaryDirectory images;
  const std::string path = images.file("disk.raw");
  inventory::Domain acme = domain("acme-1", "acme");
  acme.volumes = {volume(path)};
  host.ownership->apply(snapshot_of({acme}));
  const auto is_trusted = [&](std::vector<config::TrustedService> services, const std::string& flag = "--read=1") {
    host.ownership->set_trusted_services(std::move(services));
    REQUIRE(run_subject({"file_opener", flag, "openat", path}) == 0);
    const auto events = host.events();
    REQUIRE(events.size() == 1);
    return events.front().actor().trusted_service();
  };
  const config::TrustedService opener = {.executable = stage::program_directory() + "/subjects/file_opener",
                                         .uid = getuid(),
                                         .operations = {config::Operation::kVolumeRead}};
  CHECK(is_trusted({opener}));
  CHECK_FALSE(is_trusted({opener}, "--write"));
  CHECK_FALSE(is_trusted({}));
  config::TrustedService other = opener;
  other.tenants = {"globex"};
  CHECK_FALSE(is_trusted({other}));
  other.tenants = {"globex", "acme"};
  CHECK(is_trusted({other}));
  other.unit = "no-such.service";
  CHECK_FALSE(is_trusted({other}));
  CHECK(is_trusted({other, opener}));
  other = opener;
  other.uid = getuid() + 1;
  CHECK_FALSE(is_trusted({other}));
}

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

TEST_CASE("a volume that leaves a domain is watched no longer", "[DISK-01][twin]") {
  BULKHEAD_NEEDS_PROBES();
  Host host;
  const TemporaryDirectory images;
  const std::string path = images.file("disk.raw");
  inventory::Domain acme = domain("acme-1", "acme");
  acme.volumes = {volume(path)};
  host.ownership->apply(snapshot_of({acme}));
  acme.volumes.clear();
  host.ownership->apply(snapshot_of({acme}));
  REQUIRE(run_subject({"file_opener", "openat", path}) == 0);
  CHECK(host.events().empty());
}

TEST_CASE("a stolen volume that is attached to the thief's domain stays its owner's", "[DISK-01]") {
  BULKHEAD_NEEDS_PROBES();
  Host host;
  const TemporaryDirectory images;
  const std::string path = images.file("disk.raw");
  stage::ChildProcess thief = start_subject({"file_opener", "--wait", "openat", path});
  REQUIRE(thief.read_line(kPatience).ok());
  inventory::Domain acme = domain("acme-vault", "acme");
  acme.volumes = {volume(path)};
  inventory::Domain globex = domain("globex-1", "globex");
  globex.vmm_pid = static_cast<std::uint32_t>(thief.pid());
  globex.emulator = stage::program_directory() + "/subjects/file_opener";
  host.ownership->apply(snapshot_of({acme, globex}));
  globex.volumes = {volume(path)};
  host.ownership->apply(snapshot_of({acme, globex}));
  REQUIRE(thief.write_line("go").ok());
  REQUIRE(*thief.wait(kPatience) == 0);

  const auto events = host.events();
  REQUIRE(events.size() == 1);
  CHECK(events.front().actor().tenant() == "globex");
  CHECK(events.front().actor().domain_name() == "globex-1");
  CHECK(events.front().object().tenant() == "acme");
  CHECK(events.front().object().domain_name() == "acme-vault");
}

TEST_CASE("an image that is not there yet is watched once it is") {
  BULKHEAD_NEEDS_PROBES();
  Host host;
  const TemporaryDirectory images;
  const std::string path = images.path() + "/later.raw";
  inventory::Domain acme = domain("acme-1", "acme");
  acme.volumes = {volume(path)};
  const auto before = host.ownership->apply(snapshot_of({acme}));
  CHECK(before.incomplete);
  CHECK_THAT(before.inventory.domains(0).volumes(0).reason(), Catch::Contains("later.raw"));
  images.file("later.raw");
  const auto after = host.ownership->apply(snapshot_of({acme}));
  CHECK_FALSE(after.incomplete);
  REQUIRE(run_subject({"file_opener", "openat", path}) == 0);
  CHECK(host.events().size() == 1);
}

TEST_CASE("an installation image that two tenants read is nobody's, and the inventory says so", "[DISK-01][twin]") {
  BULKHEAD_NEEDS_PROBES();
  Host host;
  const TemporaryDirectory images;
  const std::string path = images.file("debian.iso");
  inventory::Domain acme = domain("acme-1", "acme"), globex = domain("globex-1", "globex");
  acme.volumes = {volume(path, true)};
  globex.volumes = {volume(path, true)};
  const auto applied = host.ownership->apply(snapshot_of({acme, globex}));
  CHECK_FALSE(applied.inventory.domains(0).volumes(0).watched());
  CHECK_THAT(applied.inventory.domains(0).volumes(0).reason(), Catch::Contains("read-only"));
  REQUIRE(run_subject({"file_opener", "openat", path}) == 0);
  CHECK(host.events().empty());
}

TEST_CASE("the firmware that a domain boots from is no tenant's", "[DISK-01][twin]") {
  BULKHEAD_NEEDS_PROBES();
  Host host;
  const TemporaryDirectory images;
  const std::string path = images.file("OVMF_CODE.fd");
  inventory::Domain acme = domain("acme-1", "acme");
  acme.volumes = {volume(path, true)};
  acme.volumes.front().type = "nvram";
  acme.volumes.front().target = "loader";
  const auto applied = host.ownership->apply(snapshot_of({acme}));
  CHECK_THAT(applied.inventory.domains(0).volumes(0).reason(), Catch::Contains("firmware"));
  REQUIRE(run_subject({"file_opener", "openat", path}) == 0);
  CHECK(host.events().empty());
}

TEST_CASE("a domain whose tenant changes is told once, and its volume follows", "[CTRL-04]") {
  BULKHEAD_NEEDS_PROBES();
  Host host;
  const TemporaryDirectory images;
  const std::string path = images.file("disk.raw");
  inventory::Domain one = domain("one", "acme");
  one.volumes = {volume(path)};
  CHECK(host.ownership->apply(snapshot_of({one})).tenant_changes.empty());
  one.tenant = "globex";
  const auto applied = host.ownership->apply(snapshot_of({one}));
  REQUIRE(applied.tenant_changes.size() == 1);
  CHECK(applied.tenant_changes.front().old_tenant == "acme");
  CHECK(applied.tenant_changes.front().new_tenant == "globex");
  CHECK(host.ownership->apply(snapshot_of({one})).tenant_changes.empty());
  REQUIRE(run_subject({"file_opener", "openat", path}) == 0);
  const auto events = host.events();
  REQUIRE(events.size() == 1);
  CHECK(events.front().object().tenant() == "globex");
}

TEST_CASE("what a VMM opens is its tenant's when its domain declares it a moment later, else the host's", "[VMM-02]") {
  BULKHEAD_NEEDS_PROBES();
  Host host;
  const TemporaryDirectory images;
  const std::string path = images.file("plugged.raw");
  stage::ChildProcess vmm = start_subject({"file_opener", "--wait", "--hold", "openat", path});
  REQUIRE(vmm.read_line(kPatience).ok());
  inventory::Domain acme = domain("acme-1", "acme");
  acme.vmm_pid = static_cast<std::uint32_t>(vmm.pid());
  acme.emulator = stage::program_directory() + "/subjects/file_opener";
  acme.host_files = std::vector<inventory::HostFile>{};
  host.ownership->apply(snapshot_of({acme}));
  REQUIRE(vmm.write_line("go").ok());
  REQUIRE(vmm.read_line(kPatience).ok());
  const auto now = Attributor::Clock::now();
  CHECK(host.events(now).empty());
  const auto undeclared = host.attributor->undeclared();
  REQUIRE(undeclared.size() == 1);

  const bool plugged = GENERATE(true, false);
  VmmIdentity identity;
  identity.verdict = VmmIdentity::Verdict::kDomain;
  identity.domain_uuid = acme.uuid;
  identity.host_files = std::vector<inventory::HostFile>{};
  if (plugged) identity.host_files->push_back({.path = path});
  host.ownership->declare_again(undeclared, [&](std::uint32_t) { return identity; });
  if (!plugged) CHECK(host.attributor->ready(now + std::chrono::seconds(4), 0).empty());
  const auto events = host.attributor->ready(now + std::chrono::seconds(plugged ? 4 : 6), 0);
  REQUIRE(events.size() == 1);
  CHECK(events.front().object().kind() == v1::OBJECT_KIND_HOST_FILE);
  CHECK(events.front().object().tenant() == (plugged ? "acme" : "host"));
  CHECK(events.front().object().id() == path);
  CHECK(events.front().actor().domain_name() == "acme-1");
}

TEST_CASE("an actor whose own record was lost is looked up while it lives") {
  BULKHEAD_NEEDS_PROBES();
  Host host;
  const TemporaryDirectory images;
  const std::string path = images.file("disk.raw");
  inventory::Domain acme = domain("acme-1", "acme");
  acme.volumes = {volume(path)};
  host.ownership->apply(snapshot_of({acme}));
  stage::ChildProcess opener = start_subject({"file_opener", "--hold", "openat", path});
  const auto now = Attributor::Clock::now();
  for (decode::Record& record : host.kernel.collect(at_least<decode::FileOpenRecord>(1))) {
    if (!std::holds_alternative<decode::ActorRecord>(record)) host.attributor->take(std::move(record), now);
  }
  CHECK(host.attributor->ready(now, 0).empty());
  const auto events = host.attributor->ready(now + std::chrono::seconds(1), 0);
  REQUIRE(events.size() == 1);
  CHECK(events.front().actor().process().executable() ==
        std::filesystem::canonical(stage::program_directory() + "/subjects/file_opener").string());
}

}  // namespace
}  // namespace bulkhead::test
