// From a real act to an event with names: ownership taken from a snapshot, the records of the kernel, the attributor.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "tests/kernel/attribution_host.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

using attribute::Attributor;
using inventory::VmmIdentity;
using Host = AttributionHost;

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
