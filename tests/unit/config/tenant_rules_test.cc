#include "agent/config/tenant_rules.h"

#include <catch2/catch.hpp>

#include "tests/unit/config/temp_dir.h"

using namespace bulkhead::config;
using bulkhead::config::test::TempDir;

namespace {

std::string refusal(const std::string& text) {
  const auto rules = parse_tenant_rules(text, "t.yaml");
  REQUIRE_FALSE(rules.ok());
  return std::string(rules.status().message());
}

}  // namespace

TEST_CASE("rules keep their order") {
  const auto rules = parse_tenant_rules(
      "- match: {uuid: 3E3FCE45-4F53-4fa7-bb32-11f34168b82b}\n  tenant: acme\n"
      "- match: {name: 'g-*', title: '* prod'}\n  tenant: globex\n",
      "t.yaml");
  REQUIRE(rules.ok());
  CHECK(*rules == std::vector<TenantRule>{{"3e3fce45-4f53-4fa7-bb32-11f34168b82b", std::nullopt, std::nullopt, "acme"},
                                          {std::nullopt, "g-*", "* prod", "globex"}});
}

TEST_CASE("an empty mapping has no rules") {
  const auto rules = parse_tenant_rules("# none yet\n", "t.yaml");
  REQUIRE(rules.ok());
  CHECK(rules->empty());
}

TEST_CASE("a rule that is not understood is refused with its place") {
  CHECK(refusal("tenant: acme\n").starts_with("t.yaml:1:1: the file must be a list"));
  CHECK(refusal("- matches: {name: a}\n  tenant: b\n") ==
        "t.yaml:1:3: unknown key 'matches' in a tenant rule; did you mean 'match'?");
  CHECK(refusal("- match: {nmae: a}\n  tenant: b\n") ==
        "t.yaml:1:11: unknown key 'nmae' in match; did you mean 'name'?");
  CHECK(refusal("- tenant: b\n") == "t.yaml:1:3: a tenant rule must have the key 'match'");
  CHECK(refusal("- match: {name: a}\n") == "t.yaml:1:3: a tenant rule must have the key 'tenant'");
  CHECK(refusal("- match: {}\n  tenant: b\n") == "t.yaml:1:10: match must have at least one of uuid, name, title");
  CHECK(refusal("- match: {uuid: xyz}\n  tenant: b\n") ==
        "t.yaml:1:17: 'xyz' is not a uuid such as xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
  CHECK(refusal("- match: {name: ''}\n  tenant: b\n") == "t.yaml:1:17: an empty pattern matches nothing");
  CHECK(refusal("- match: {name: a}\n  tenant: host\n") ==
        "t.yaml:2:11: 'host' is a word of Bulkhead's own and cannot be a tenant's key");
  CHECK(refusal("- match: {name: a}\n  tenant: [b]\n") == "t.yaml:2:11: tenant must be a string, not a list");
}

TEST_CASE("a rule from elsewhere is checked as one from a file") {
  TenantRule rule{"3E3FCE45-4F53-4fa7-bb32-11f34168b82b", std::nullopt, std::nullopt, "acme"};
  REQUIRE(check_tenant_rule(rule).ok());
  CHECK(rule.uuid == "3e3fce45-4f53-4fa7-bb32-11f34168b82b");
  for (TenantRule bad :
       {TenantRule{std::nullopt, std::nullopt, std::nullopt, "acme"},
        TenantRule{"x", std::nullopt, std::nullopt, "acme"}, TenantRule{std::nullopt, "", std::nullopt, "acme"},
        TenantRule{std::nullopt, std::nullopt, std::string(2000, '*'), "acme"},
        TenantRule{std::nullopt, "a", std::nullopt, "host"}}) {
    CHECK_FALSE(check_tenant_rule(bad).ok());
  }
}

TEST_CASE("a mapping file that cannot be read is named") {
  const TempDir dir;
  const auto missing = load_tenant_rules(dir.path("none.yaml"));
  CHECK(absl::IsNotFound(missing.status()));
  CHECK(std::string(missing.status().message()).starts_with(dir.path("none.yaml") + ": cannot open"));
  CHECK(std::string(load_tenant_rules("/dev/null").status().message()) == "/dev/null: is not a regular file");
}
