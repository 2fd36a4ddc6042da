// CTRL-05: whose a host device, shared memory or a port is when several definitions name it.
#include "agent/ownership/resource_claims.h"

#include <catch2/catch.hpp>

namespace bulkhead::ownership {
namespace {

using inventory::DomainState;
using inventory::ResourceKind;

constexpr const char* kGpu = "pci:0000:01:00.0";

struct Host {
  // Domains in the order of their uuids; a tenant has the number of its first letter.
  void define(const std::string& name, const std::string& tenant, DomainState state, const std::string& id = kGpu,
              ResourceKind kind = ResourceKind::kHostDevice) {
    inventory::Domain& domain = snapshot.domains.emplace_back();
    domain.uuid = name;
    domain.name = name;
    domain.tenant = tenant;
    domain.state = state;
    domain.resources = {{kind, id, "hostdev"}};
  }

  std::vector<ForeignClaim> judge() {
    std::map<std::string, probes::Owner> owners;
    for (const inventory::Domain& domain : snapshot.domains) {
      const auto tenant = static_cast<std::uint32_t>(domain.tenant.front());
      // A domain keeps its number.
      const auto number = numbers.emplace(domain.uuid, numbers.size() + 1).first->second;
      owners[domain.uuid] = {tenant, static_cast<std::uint32_t>(number)};
    }
    auto found = claims.judge(snapshot, owners);
    snapshot = {};
    return found;
  }

  inventory::Snapshot snapshot;
  std::map<std::string, std::size_t> numbers;
  ResourceClaims claims;
};

TEST_CASE("a device that a running domain of another tenant has is told, once", "[CTRL-05]") {
  Host host;
  for (const bool first : {true, false}) {
    host.define("a1", "acme", DomainState::kRunning);
    host.define("g1", "globex", DomainState::kShutOff);
    const auto foreign = host.judge();
    REQUIRE(foreign.size() == (first ? 1 : 0));
    if (!first) continue;
    CHECK(foreign[0].claim.tenant == "globex");
    CHECK(foreign[0].claim.source == kGpu);
    CHECK(foreign[0].claim.target == "hostdev");
    CHECK(foreign[0].owner == probes::Owner{'a', 1});
    CHECK(foreign[0].kind == v1::OBJECT_KIND_HOST_DEVICE);
  }
  // Taken out, and put in again.
  host.define("a1", "acme", DomainState::kRunning);
  CHECK(host.judge().empty());
  host.define("a1", "acme", DomainState::kRunning);
  host.define("g1", "globex", DomainState::kShutOff);
  CHECK(host.judge().size() == 1);
}

TEST_CASE("the kind of the object is that of the thing, and things of two kinds are two", "[CTRL-05]") {
  Host host;
  host.define("a1", "acme", DomainState::kPaused, "x", ResourceKind::kSharedMemory);
  host.define("a2", "acme", DomainState::kStarting, "x", ResourceKind::kPort);
  host.define("g1", "globex", DomainState::kShutOff, "x", ResourceKind::kSharedMemory);
  host.define("g2", "globex", DomainState::kShutOff, "x", ResourceKind::kPort);
  host.define("g3", "globex", DomainState::kShutOff, "x", ResourceKind::kHostDevice);
  const auto foreign = host.judge();
  REQUIRE(foreign.size() == 2);
  CHECK(foreign[0].kind == v1::OBJECT_KIND_GUEST_MEMORY);
  CHECK(foreign[1].kind == v1::OBJECT_KIND_PORT);
}

TEST_CASE("of two tenants that run with one thing the first has it", "[CTRL-05]") {
  Host host;
  host.define("g1", "globex", DomainState::kRunning);
  CHECK(host.judge().empty());
  host.define("a1", "acme", DomainState::kRunning);
  host.define("g1", "globex", DomainState::kRunning);
  const auto foreign = host.judge();
  REQUIRE(foreign.size() == 1);
  CHECK(foreign[0].claim.tenant == "acme");
}

TEST_CASE("when none was first all claims are told as contested", "[CTRL-05]") {
  Host host;
  host.define("a1", "acme", DomainState::kRunning);
  host.define("g1", "globex", DomainState::kRunning);
  const auto foreign = host.judge();
  REQUIRE(foreign.size() == 2);
  for (const ForeignClaim& one : foreign) CHECK(one.owner.tenant == probes::kContestedNumber);
}

TEST_CASE("one tenant's domains, and domains that take turns, are not told", "[CTRL-05][twin]") {
  Host host;
  host.define("a1", "acme", DomainState::kRunning);
  host.define("a2", "acme", DomainState::kRunning);
  host.define("g1", "globex", DomainState::kRunning, "pci:0000:02:00.0");
  CHECK(host.judge().empty());
  host.define("a1", "acme", DomainState::kShutOff);
  host.define("g2", "globex", DomainState::kShutOff);
  CHECK(host.judge().empty());
}

TEST_CASE("a thing goes to the next tenant once nobody of the last runs with it", "[CTRL-05]") {
  Host host;
  host.define("a1", "acme", DomainState::kRunning);
  CHECK(host.judge().empty());
  host.define("a1", "acme", DomainState::kShutOff);
  host.define("g1", "globex", DomainState::kRunning);
  const auto foreign = host.judge();
  REQUIRE(foreign.size() == 1);
  CHECK(foreign[0].claim.tenant == "acme");
  CHECK(foreign[0].owner.tenant == 'g');
}

}  // namespace
}  // namespace bulkhead::ownership
