// CTRL-05: what a definition hands to a domain is judged when it is written, not when the domain starts.
#include <catch2/catch.hpp>

#include "tests/e2e/host/small_host.h"
#include "tests/support/skip.h"

namespace bulkhead::stage {
namespace {

constexpr Milliseconds kAlertTimeout(15'000);

Domain define(SmallHost& host, const std::string& name, const std::string& tenant, const std::string& image) {
  DomainPlan plan;
  plan.name = name;
  plan.tenant = tenant;
  plan.disks = {{.image = image, .format = "qcow2"}};
  auto domain = host.hypervisor->define(plan);
  if (!domain.ok()) FAIL(domain.status().message());
  return *std::move(domain);
}

Domain define_with(SmallHost& host, const std::string& name, const std::string& tenant, const std::string& devices) {
  DomainPlan plan;
  plan.name = name;
  plan.tenant = tenant;
  plan.devices = devices;
  auto domain = host.hypervisor->define(plan);
  if (!domain.ok()) FAIL(domain.status().message());
  return *std::move(domain);
}

TEST_CASE("a definition with another tenant's volume is told before the domain starts, and the tenant's own is not",
          "[CTRL-05]") {
  if (const std::string missing = missing_for_host(); !missing.empty()) BULKHEAD_SKIP(missing);
  const auto host = SmallHost::make();
  AlertStream alerts(host->collector.process());
  host->start_agent();
  INFO(host->logs());
  // The agent has seen acme's domain with its volume.
  REQUIRE(host->agent->wait_until_watching(host->collector, 0, kPatience) == absl::OkStatus());
  const std::string image = host->acme->plan().disks[0].image;
  const Domain again = define(*host, "acme-2", "acme", image);
  const Domain thief = define(*host, "globex-1", "globex", image);
  const auto alert = alerts.wait_for([](const Alert& one) { return one.rule == "CTRL-05"; }, kAlertTimeout);
  REQUIRE(alert.status() == absl::OkStatus());
  CHECK(alert->actor_tenant == "globex");
  CHECK(alert->object_tenant == "acme");
  CHECK(alert->object == image);
  CHECK_THAT(alert->message, Catch::Contains("globex-1"));
  for (const Alert& one : alerts.seen()) CHECK(one.actor_tenant != "acme");
}

TEST_CASE("a definition with a running domain's shared memory or port is told, and the tenant's own is not",
          "[CTRL-05]") {
  if (const std::string missing = missing_for_host(); !missing.empty()) BULKHEAD_SKIP(missing);
  const std::string memory = "<shmem name='bulkhead-test'><model type='ivshmem-plain'/><size unit='M'>4</size></shmem>";
  const std::string port = "<interface type='ethernet'><target dev='bh-acme0'/><model type='virtio'/></interface>";
  const auto host = SmallHost::make("", memory + port);
  AlertStream alerts(host->collector.process());
  host->start_agent();
  INFO(host->logs());
  REQUIRE(host->acme->start() == absl::OkStatus());
  REQUIRE(host->agent->wait_until_watching(host->collector, 1, kPatience) == absl::OkStatus());
  const Domain again = define_with(*host, "acme-2", "acme", memory + port);
  const Domain thief = define_with(*host, "globex-1", "globex", memory + port);
  for (const auto& [object, target] : {std::pair("/dev/shm/bulkhead-test", "shmem"), {"bh-acme0", "interface"}}) {
    INFO(object);
    const auto alert =
        alerts.wait_for([&](const Alert& one) { return one.rule == "CTRL-05" && one.object == object; }, kAlertTimeout);
    REQUIRE(alert.status() == absl::OkStatus());
    CHECK(alert->actor_tenant == "globex");
    CHECK(alert->object_tenant == "acme");
    CHECK_THAT(alert->message, Catch::Contains("globex-1"));
    CHECK_THAT(alert->message, Catch::EndsWith(target));
  }
  for (const Alert& one : alerts.seen()) CHECK(one.actor_tenant != "acme");
}

}  // namespace
}  // namespace bulkhead::stage
