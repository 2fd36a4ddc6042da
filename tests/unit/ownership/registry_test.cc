#include "agent/ownership/registry.h"

#include <catch2/catch.hpp>

namespace bulkhead::ownership {
namespace {

inventory::Domain domain(const std::string& uuid, const std::string& tenant) {
  inventory::Domain one;
  one.uuid = uuid;
  one.name = "name of " + uuid;
  one.tenant = tenant;
  return one;
}

TEST_CASE("domains of one tenant share the tenant's number and have their own") {
  Registry registry;
  const probes::Owner first = registry.assign(domain("a", "acme"));
  const probes::Owner second = registry.assign(domain("b", "acme"));
  const probes::Owner other = registry.assign(domain("c", "globex"));
  CHECK(first.tenant == second.tenant);
  CHECK(first.domain != second.domain);
  CHECK(other.tenant != first.tenant);
  CHECK(registry.assign(domain("a", "acme")) == first);
  CHECK(registry.tenant(first.tenant) == "acme");
  CHECK(registry.domain(second.domain)->uuid == "b");
}

TEST_CASE("the numbers that are no tenant have names of their own") {
  const Registry registry;
  CHECK(registry.tenant(probes::kHostNumber) == "host");
  CHECK(registry.tenant(probes::kContestedNumber) == "contested");
  CHECK(registry.tenant(12345) == "unknown");
  CHECK(registry.domain(0) == nullptr);
}

TEST_CASE("a domain that is gone keeps its meaning, and its uuid gets a new number") {
  Registry registry;
  const probes::Owner before = registry.assign(domain("a", "acme"));
  registry.retire("a");
  REQUIRE(registry.domain(before.domain) != nullptr);
  CHECK(registry.domain(before.domain)->uuid == "a");
  CHECK(registry.assign(domain("a", "acme")).domain != before.domain);
}

TEST_CASE("only the latest domains that are gone are remembered") {
  Registry registry;
  const probes::Owner first = registry.assign(domain("first", "acme"));
  registry.retire("first");
  for (int i = 0; i < 5000; ++i) {
    const std::string uuid = "later" + std::to_string(i);
    registry.assign(domain(uuid, "acme"));
    registry.retire(uuid);
  }
  CHECK(registry.domain(first.domain) == nullptr);
}

TEST_CASE("a domain takes its new tenant's number when its tenant changes") {
  Registry registry;
  const probes::Owner before = registry.assign(domain("a", "acme"));
  const probes::Owner after = registry.assign(domain("a", "globex"));
  CHECK(after.domain == before.domain);
  CHECK(after.tenant != before.tenant);
}

}  // namespace
}  // namespace bulkhead::ownership
