// Whose a volume is when domains come to name it, let go of it, share it or change their tenant.
#include <catch2/catch.hpp>

#include "tests/kernel/attribution_host.h"
#include "tests/support/skip.h"

namespace bulkhead::test {
namespace {

using Host = AttributionHost;

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

TEST_CASE("an installation image that two tenants have read-only is a base image: read in silence, and not written",
          "[DISK-05]") {
  BULKHEAD_NEEDS_PROBES();
  Host host;
  const TemporaryDirectory images;
  const std::string path = images.file("debian.iso");
  inventory::Domain acme = domain("acme-1", "acme"), globex = domain("globex-1", "globex");
  acme.volumes = {volume(path, true)};
  globex.volumes = {volume(path, true)};
  const auto applied = host.ownership->apply(snapshot_of({acme, globex}));
  CHECK(applied.inventory.domains(0).volumes(0).watched());
  CHECK_FALSE(applied.inventory.domains(0).volumes(0).base_image());  // policy says nothing
  REQUIRE(run_subject({"file_opener", "openat", path}) == 0);
  CHECK(host.events().empty());
  REQUIRE(run_subject({"file_opener", "--write", "openat", path}) == 0);
  const auto events = host.events();
  REQUIRE(events.size() == 1);
  CHECK(events.front().object().tenant() == "host");
  CHECK(events.front().object().id() == path);
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

}  // namespace
}  // namespace bulkhead::test
