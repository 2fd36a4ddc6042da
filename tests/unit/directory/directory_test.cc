#include "collector/directory/directory.h"

#include <catch2/catch.hpp>

#include "absl/strings/str_cat.h"
#include "collector/directory/checks.h"
#include "tests/unit/store/fixture.h"

namespace bulkhead::test {

namespace {

v1::Hello make_hello(const char* host) {
  v1::Hello hello;
  hello.set_host_id(host);
  hello.set_boot_id(kBoot);
  hello.set_hostname(absl::StrCat(host, ".example"));
  auto* probe = hello.mutable_coverage()->add_probes();
  probe->set_name("memory.process_vm");
  probe->set_state(v1::PROBE_STATE_ATTACHED);
  return hello;
}

v1::Domain make_domain(const std::string& tenant, v1::DomainState state, int volumes, int ports) {
  v1::Domain domain;
  domain.set_tenant(tenant);
  domain.set_state(state);
  for (int i = 0; i < volumes; ++i) domain.add_volumes();
  for (int i = 0; i < ports; ++i) domain.add_ports();
  return domain;
}

std::unique_ptr<directory::Directory> open(store::Store& store, absl::Time& now) {
  auto directory = directory::Directory::open(store.table(), [&now] { return now; });
  REQUIRE(directory.ok());
  return *std::move(directory);
}

}  // namespace

TEST_CASE("a port's bridge is that of the host's latest inventory, and of no port when two have its name") {
  const TempDir dir;
  absl::Time now = absl::FromUnixSeconds(1000);
  const auto store = open_store(dir.path());
  const auto directory = open(*store, now);
  REQUIRE(directory->connect(make_hello("a"), 1).ok());
  CHECK_FALSE(directory->bridge_of("a", "tap-1"));
  v1::Inventory inventory;
  const auto add = [&](const std::string& device, const std::string& bridge) {
    v1::Port& port = *inventory.add_domains()->add_ports();
    port.set_device(device);
    port.set_bridge(bridge);
  };
  add("tap-1", "br-a");
  add("tap-2", "");
  add("tap-3", "br-b");
  add("tap-3", "br-c");
  REQUIRE(directory->set_inventory("a", 1, inventory).ok());
  CHECK(directory->bridge_of("a", "tap-1") == "br-a");
  CHECK_FALSE(directory->bridge_of("a", "tap-2"));
  CHECK_FALSE(directory->bridge_of("a", "tap-3"));
  CHECK_FALSE(directory->bridge_of("a", "tap-4"));
  CHECK_FALSE(directory->bridge_of("b", "tap-1"));
  inventory.mutable_domains(0)->mutable_ports(0)->set_bridge("br-x");
  REQUIRE(directory->set_inventory("a", 1, inventory).ok());
  CHECK(directory->bridge_of("a", "tap-1") == "br-x");
}

TEST_CASE("a connected host is behind when it has not worked by the policy in force for some time") {
  using Names = std::vector<std::string>;
  const TempDir dir;
  absl::Time now = absl::FromUnixSeconds(1000);
  const auto store = open_store(dir.path());
  const auto directory = open(*store, now);
  REQUIRE(directory->connect(make_hello("a"), 1).ok());
  REQUIRE(directory->connect(make_hello("b"), 2).ok());
  v1::Health health;
  health.set_policy_sha256("new");
  REQUIRE(directory->set_health("b", 2, health).ok());
  const auto behind = [&](absl::Time in_force) { return directory->behind("new", in_force, absl::Minutes(1)); };
  now += absl::Minutes(1);
  CHECK(behind(absl::InfinitePast()) == Names{});
  now += absl::Seconds(1);
  CHECK(behind(absl::InfinitePast()) == Names{"a.example"});
  CHECK(behind(now) == Names{});
  health.set_policy_sha256("old");
  REQUIRE(directory->set_health("b", 2, health).ok());
  CHECK(behind(absl::InfinitePast()) == Names{"a.example", "b.example"});
  directory->disconnect("a", 1);
  CHECK(behind(absl::InfinitePast()) == Names{"b.example"});
  // A new connection gets its time again.
  REQUIRE(directory->connect(make_hello("b"), 3).ok());
  CHECK(behind(absl::InfinitePast()) == Names{});
}

TEST_CASE("a host, its coverage, its health and its tenants are known after a restart, and not as connected") {
  const TempDir dir;
  absl::Time now = absl::FromUnixSeconds(1000);
  {
    const auto store = open_store(dir.path());
    const auto directory = open(*store, now);
    REQUIRE(directory->connect(make_hello("a"), 1).ok());
    v1::Inventory inventory;
    *inventory.add_domains() = make_domain("t1", v1::DOMAIN_STATE_RUNNING, 2, 1);
    *inventory.add_domains() = make_domain("t1", v1::DOMAIN_STATE_SHUT_OFF, 1, 0);
    *inventory.add_domains() = make_domain("t2", v1::DOMAIN_STATE_PAUSED, 1, 1);
    REQUIRE(directory->set_inventory("a", 1, inventory).ok());
    v1::Health health;
    health.set_malformed(2);
    health.set_spool_dropped_events(3);
    health.add_counters()->set_lost(4);
    now += absl::Seconds(60);
    REQUIRE(directory->set_health("a", 1, health).ok());
    REQUIRE(directory->hosts().front().connected());
    REQUIRE(directory->totals().lost_records == 9);
  }
  const auto store = open_store(dir.path());
  const auto directory = open(*store, now);
  const auto hosts = directory->hosts();
  REQUIRE(hosts.size() == 1);
  CHECK_FALSE(hosts[0].connected());
  CHECK(hosts[0].last_seen().seconds() == 1060);
  CHECK(hosts[0].coverage().probes_size() == 1);
  CHECK(hosts[0].health().malformed() == 2);
  CHECK(hosts[0].domains() == 3);
  CHECK(hosts[0].running_domains() == 2);
  const auto tenants = directory->tenants();
  REQUIRE(tenants.size() == 2);
  CHECK(tenants[0].tenant() == "t1");
  CHECK(tenants[0].domains() == 2);
  CHECK(tenants[0].running_domains() == 1);
  CHECK(tenants[0].volumes() == 3);
  CHECK(directory->tenants("t2").size() == 1);
}

TEST_CASE("a tenant on two hosts is one tenant") {
  const TempDir dir;
  absl::Time now = absl::Now();
  const auto store = open_store(dir.path());
  const auto directory = open(*store, now);
  v1::Inventory inventory;
  *inventory.add_domains() = make_domain("t1", v1::DOMAIN_STATE_RUNNING, 1, 1);
  REQUIRE(directory->connect(make_hello("a"), 1).ok());
  REQUIRE(directory->connect(make_hello("b"), 2).ok());
  REQUIRE(directory->set_inventory("a", 1, inventory).ok());
  REQUIRE(directory->set_inventory("b", 2, inventory).ok());
  REQUIRE(directory->tenants().size() == 1);
  REQUIRE(directory->tenants().front().hosts() == 2);
  REQUIRE(directory->tenants().front().ports() == 2);
}

TEST_CASE("the end of a stream that was taken over does not disconnect the host, nor do its words count") {
  const TempDir dir;
  absl::Time now = absl::Now();
  const auto store = open_store(dir.path());
  const auto directory = open(*store, now);
  REQUIRE(directory->connect(make_hello("a"), 1).ok());
  REQUIRE(directory->connect(make_hello("a"), 2).ok());
  v1::Health health;
  health.set_malformed(7);
  REQUIRE(directory->set_health("a", 1, health).ok());
  directory->disconnect("a", 1);
  REQUIRE(directory->hosts().front().connected());
  REQUIRE(directory->hosts().front().health().malformed() == 0);
  directory->disconnect("a", 2);
  REQUIRE_FALSE(directory->hosts().front().connected());
  REQUIRE(directory->totals().connected_hosts == 0);
}

TEST_CASE("hosts are found by id and by hostname") {
  const TempDir dir;
  absl::Time now = absl::Now();
  const auto store = open_store(dir.path());
  const auto directory = open(*store, now);
  REQUIRE(directory->connect(make_hello("a"), 1).ok());
  REQUIRE(directory->connect(make_hello("b"), 2).ok());
  REQUIRE(directory->hosts("a").size() == 1);
  REQUIRE(directory->hosts("b.example").front().host_id() == "b");
  REQUIRE(directory->hosts("c").empty());
  REQUIRE(directory->matches("a", "a.example"));
  REQUIRE_FALSE(directory->matches("a", "b"));
}

TEST_CASE("what is beyond the limits is refused") {
  auto hello = make_hello("a");
  REQUIRE(directory::check(hello).ok());
  SECTION("an id with a control character") {
    hello.set_host_id("a\x1b[2J");
  }
  SECTION("an empty id") {
    hello.clear_host_id();
  }
  SECTION("a long id") {
    hello.set_host_id(std::string(129, 'a'));
  }
  SECTION("no boot id") {
    hello.clear_boot_id();
  }
  SECTION("a long hostname") {
    hello.set_hostname(std::string(5000, 'a'));
  }
  SECTION("a long reason") {
    hello.mutable_coverage()->mutable_probes(0)->set_reason(std::string(5000, 'a'));
  }
  SECTION("many spooled boots") {
    for (int i = 0; i < 65; ++i) hello.add_spooled_boot_ids("b");
  }
  SECTION("many probes") {
    for (int i = 0; i < 300; ++i) hello.mutable_coverage()->add_probes();
  }
  REQUIRE(absl::IsInvalidArgument(directory::check(hello)));
}

TEST_CASE("an inventory with an endless name or endless devices is refused") {
  v1::Inventory inventory;
  auto* domain = inventory.add_domains();
  REQUIRE(directory::check(inventory).ok());
  SECTION("name") {
    domain->set_name(std::string(5000, 'a'));
  }
  SECTION("devices") {
    for (int i = 0; i < 1025; ++i) domain->add_ports();
  }
  SECTION("volume source") {
    domain->add_volumes()->set_source(std::string(5000, 'a'));
  }
  REQUIRE(absl::IsInvalidArgument(directory::check(inventory)));
}

}  // namespace bulkhead::test
