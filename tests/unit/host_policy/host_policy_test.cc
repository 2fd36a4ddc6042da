#include "agent/policy/host_policy.h"

#include <catch2/catch.hpp>

namespace bulkhead::policy {
namespace {

const HostNames kHere = {.host_id = "id-1", .hostname = "alpha"};

v1::AgentPolicy pushed() {
  v1::AgentPolicy policy;
  policy.set_version("one");
  policy.set_sha256(std::string(64, 'a'));
  return policy;
}

v1::TrustedService& add_service(v1::AgentPolicy& policy, const std::string& executable) {
  v1::TrustedService& service = *policy.add_trusted_services();
  service.set_executable(executable);
  service.add_operations(v1::OPERATION_VOLUME_READ);
  return service;
}

HostPolicy read(const v1::AgentPolicy& policy) {
  const auto read = read_pushed(policy, kHere);
  INFO(read.status());
  REQUIRE(read.ok());
  return *read;
}

std::string refusal(const v1::AgentPolicy& policy) {
  const auto read = read_pushed(policy, kHere);
  REQUIRE(absl::IsInvalidArgument(read.status()));
  return std::string(read.status().message());
}

TEST_CASE("domain matches become tenant rules, in order and before the agent's own") {
  v1::AgentPolicy policy = pushed();
  v1::PolicyTenant& acme = *policy.add_tenants();
  acme.set_id("acme");
  acme.add_domains()->set_uuid("3E3FCE45-4F53-4fa7-bb32-11f34168b82b");
  acme.mutable_domains(0)->set_title("t*");
  acme.add_domains()->set_name("acme-*");
  policy.add_tenants()->set_id("nobody");
  config::Config config;
  config.tenants.rules = {{std::nullopt, "*", std::nullopt, "own"}};
  CHECK(tenant_rules_of(read(policy), config) ==
        std::vector<config::TenantRule>{{"3e3fce45-4f53-4fa7-bb32-11f34168b82b", std::nullopt, "t*", "acme"},
                                        {std::nullopt, "acme-*", std::nullopt, "acme"},
                                        {std::nullopt, "*", std::nullopt, "own"}});
}

TEST_CASE("base images are taken, and one that is no absolute path refuses the policy") {
  v1::AgentPolicy policy = pushed();
  policy.add_base_images("/srv/images/debian.qcow2");
  policy.add_base_images("/var/lib/nova/instances/_base/");
  CHECK(read(policy).base_images ==
        std::vector<std::string>{"/srv/images/debian.qcow2", "/var/lib/nova/instances/_base/"});
  policy.add_base_images("debian.qcow2");
  CHECK(refusal(policy) == "base_images: a base image is not an absolute path");
}

TEST_CASE("a service keeps all that is said of it") {
  v1::AgentPolicy policy = pushed();
  v1::TrustedService& service = add_service(policy, "/bin/backup");
  service.set_uid(34);
  service.set_unit("backup.service");
  service.add_operations(v1::OPERATION_MEMORY_DEBUG);
  service.set_only_from_trusted_parent(true);
  service.add_tenants("acme");
  const auto services = trusted_services_of(read(policy), {});
  REQUIRE(services.size() == 1);
  CHECK(services[0].executable == "/bin/backup");
  CHECK(services[0].uid == 34u);
  CHECK(services[0].unit == "backup.service");
  CHECK(services[0].operations == config::Operations{config::Operation::kVolumeRead, config::Operation::kMemoryDebug});
  CHECK(services[0].only_from_trusted_parent);
  CHECK(services[0].tenants == std::vector<std::string>{"acme"});
}

TEST_CASE("services are for the hosts that they name, by id or by hostname") {
  v1::AgentPolicy policy = pushed();
  add_service(policy, "/everywhere");
  add_service(policy, "/by-id").add_hosts("id-1");
  add_service(policy, "/by-name").add_hosts("beta");
  policy.mutable_trusted_services(2)->add_hosts("alpha");
  add_service(policy, "/elsewhere").add_hosts("beta");
  std::vector<std::string> executables;
  for (const auto& service : trusted_services_of(read(policy), {})) executables.push_back(service.executable);
  CHECK(executables == std::vector<std::string>{"/everywhere", "/by-id", "/by-name"});
}

TEST_CASE("the policy's list takes the place of the agent's own, unless it is empty on every host") {
  config::Config config;
  config.trusted_services = {{.executable = "/own", .uid = 0, .operations = config::kOpenVolumes}};
  v1::AgentPolicy policy = pushed();
  CHECK(trusted_services_of(read(policy), config).size() == 1);
  add_service(policy, "/elsewhere").add_hosts("beta");
  CHECK(trusted_services_of(read(policy), config).empty());
}

TEST_CASE("an empty message is that of no policy") {
  const HostPolicy policy = read({});
  CHECK(policy.sha256.empty());
  CHECK(policy.tenant_rules.empty());
  CHECK_FALSE(policy.trusted_services);
}

TEST_CASE("a policy that could not be one is refused whole") {
  v1::AgentPolicy policy = pushed();
  SECTION("no SHA-256") {
    policy.clear_sha256();
    CHECK(refusal(policy).starts_with("sha256: "));
    policy.set_sha256(std::string(64, 'A'));
    CHECK(refusal(policy).starts_with("sha256: "));
  }
  SECTION("no version") {
    policy.clear_version();
    CHECK(refusal(policy).starts_with("version: "));
  }
  SECTION("no policy that says something") {
    v1::AgentPolicy none;
    add_service(none, "/bin/x");
    CHECK(refusal(none).starts_with("sha256: "));
  }
  SECTION("a tenant of our own words") {
    policy.add_tenants()->set_id("host");
    policy.mutable_tenants(0)->add_domains()->set_name("*");
    CHECK(refusal(policy) == "tenants: 'host' is a word of Bulkhead's own and cannot be a tenant's key");
  }
  SECTION("a match of nothing") {
    policy.add_tenants()->set_id("acme");
    policy.mutable_tenants(0)->add_domains();
    CHECK(refusal(policy) == "tenants: a rule must have at least one of uuid, name, title");
  }
  SECTION("an executable that is no path") {
    add_service(policy, "bin/x");
    CHECK(refusal(policy) == "trusted_services: an executable is not an absolute path");
    policy.mutable_trusted_services(0)->set_executable(std::string("/bin/x\0y", 8));
    CHECK(refusal(policy) == "trusted_services: an executable is not an absolute path");
  }
  SECTION("an operation of another version, also in a service for another host") {
    add_service(policy, "/bin/x").add_hosts("beta");
    policy.mutable_trusted_services(0)->add_operations(static_cast<v1::Operation>(77));
    CHECK(refusal(policy) == "trusted_services: operation 77 is not known to this agent");
  }
  SECTION("no operation") {
    add_service(policy, "/bin/x").clear_operations();
    CHECK(refusal(policy) == "trusted_services: a service has no operation");
  }
  SECTION("the uid that stands for any") {
    add_service(policy, "/bin/x").set_uid(0xffffffff);
    CHECK(refusal(policy) == "trusted_services: a uid is no user's");
  }
  SECTION("a tenant that nobody can be") {
    add_service(policy, "/bin/x").add_tenants("unknown:1");
    CHECK(refusal(policy).starts_with("trusted_services: 'unknown:1'"));
  }
  SECTION("too many services") {
    for (int i = 0; i < 257; ++i) add_service(policy, "/bin/x");
    CHECK(refusal(policy) == "trusted_services: more than 256 of them");
  }
}

}  // namespace
}  // namespace bulkhead::policy
