#include "agent/inventory/tenant_mapping.h"

#include <catch2/catch.hpp>

#include "tests/unit/inventory/fixture.h"

using namespace bulkhead::inventory;
using bulkhead::config::TenantRule;
using bulkhead::inventory::test::read_fixture;

namespace {

const std::string kUuid = "3e3fce45-4f53-4fa7-bb32-11f34168b82b";

DomainXml domain(std::vector<TenantClaim> claims) {
  DomainXml xml;
  xml.domain.uuid = kUuid;
  xml.domain.name = "web-1";
  xml.title = "Acme: web";
  xml.claims = std::move(claims);
  return xml;
}

TenantRule rule(std::optional<std::string> uuid, std::optional<std::string> name, std::optional<std::string> title,
                std::string tenant) {
  return {std::move(uuid), std::move(name), std::move(title), std::move(tenant)};
}

TenantVerdict decide_fixture(const std::string& name) {
  auto parsed = parse_domain_xml(read_fixture(name));
  REQUIRE(parsed.ok());
  return decide_tenant(*parsed, {});
}

}  // namespace

TEST_CASE("metadata that names a tenant decides when no rule matches") {
  const auto verdict = decide_tenant(domain({{"nova", "acme"}}), {rule({}, "db-*", {}, "globex")});
  CHECK(verdict.tenant == "acme");
  CHECK(verdict.source == "nova");
  CHECK(verdict.warning.empty());
}

TEST_CASE("the operator's mapping goes before metadata") {
  const auto verdict = decide_tenant(domain({{"bulkhead", "acme"}}), {rule({}, "web-*", {}, "globex")});
  CHECK(verdict.tenant == "globex");
  CHECK(verdict.source == "mapping");
}

TEST_CASE("the first rule that matches counts, and all its conditions must hold") {
  const std::vector<TenantRule> rules = {
      rule("00000000-0000-0000-0000-000000000000", {}, {}, "by-other-uuid"),
      rule(kUuid, "db-*", {}, "by-uuid-and-wrong-name"),
      rule({}, {}, "Acme: *", "by-title"),
      rule(kUuid, {}, {}, "by-uuid"),
  };
  CHECK(decide_tenant(domain({}), rules).tenant == "by-title");
}

TEST_CASE("a rule without a condition matches nothing") {
  CHECK(decide_tenant(domain({}), {rule({}, {}, {}, "everyone")}).source == "none");
}

TEST_CASE("a domain that nobody names an owner for is a tenant of its own") {
  const auto verdict = decide_tenant(domain({}), {});
  CHECK(verdict.tenant == "unknown:" + kUuid);
  CHECK(verdict.source == "none");
  CHECK(decide_fixture("cloudstack-unknown.xml").tenant == "unknown:c1f2e6a9-3b68-4d0c-9d93-5e5b7a1f4c03");
}

TEST_CASE("when forms disagree the first counts and the log is told") {
  const auto verdict = decide_fixture("two-forms.xml");
  CHECK(verdict.tenant == "globex");
  CHECK(verdict.source == "bulkhead");
  CHECK(verdict.warning.find("38bd8e984a3e435a87e950a441ee55aa") != std::string::npos);
}

TEST_CASE("two names in one form make the tenant unknown") {
  const auto verdict = decide_tenant(domain({{"nova", "acme"}, {"nova", "globex"}}), {});
  CHECK(verdict.tenant == "unknown:" + kUuid);
  CHECK_FALSE(verdict.warning.empty());
}

TEST_CASE("a domain that claims to be the host is unknown, whatever else it says") {
  const auto verdict = decide_fixture("claims-host.xml");
  CHECK(verdict.tenant == "unknown:99999999-0c5d-4b5a-8f0e-9a1b2c3d4e5f");
  CHECK(verdict.source == "none");
  CHECK_FALSE(verdict.warning.empty());
}

TEST_CASE("a claimed name that is no tenant's is unknown") {
  const auto name = GENERATE(as<std::string>(), "host", "HOST", "unknown:other", "Unknown:x", "a\nb", " acme",
                             "\xff\xfe", "acme\xe2\x80\xae", std::string(256, 'x'));
  CAPTURE(name);
  CHECK(decide_tenant(domain({{"bulkhead", name}}), {}).tenant == "unknown:" + kUuid);
}

TEST_CASE("an empty claim and CloudStack's unknown leave the word to the next form") {
  CHECK(decide_tenant(domain({{"bulkhead", ""}, {"nova", "acme"}}), {}).tenant == "acme");
  CHECK(decide_tenant(domain({{"cloudstack", "Unknown"}}), {}).source == "none");
}

TEST_CASE("a warning cannot forge a line of the log") {
  const auto verdict = decide_tenant(domain({{"bulkhead", "acme"}, {"nova", "x\n[error] all is lost\x1b[2J"}}), {});
  CHECK(verdict.warning.find('\n') == std::string::npos);
  CHECK(verdict.warning.find('\x1b') == std::string::npos);
}
