// DISK-06: what the images of domains that are off name, from a definition in libvirt to an alert.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "tests/e2e/host/small_host.h"
#include "tests/support/skip.h"

namespace bulkhead::stage {
namespace {

constexpr Milliseconds kAlertTimeout(15'000);

std::string make_image(const std::string& path, const std::string& options) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  const std::string command = absl::StrCat("qemu-img create -q -f qcow2 ", options, " ", path, " 1M");
  INFO(command);
  REQUIRE(std::system(command.c_str()) == 0);
  return path;
}

Domain define(SmallHost& host, const std::string& name, const std::string& tenant, const std::string& image) {
  DomainPlan plan;
  plan.name = name;
  plan.tenant = tenant;
  plan.disks = {{.image = image, .format = "qcow2"}};
  auto domain = host.hypervisor->define(plan);
  if (!domain.ok()) FAIL(domain.status().message());
  return *std::move(domain);
}

TEST_CASE(
    "images that name another tenant's volume or the host's files are told while their domains are off, and a "
    "base image is not",
    "[DISK-06]") {
  if (const std::string missing = missing_for_host(); !missing.empty()) BULKHEAD_SKIP(missing);
  const std::filesystem::path images =
      std::filesystem::temp_directory_path() / absl::StrCat("bulkhead-images-", getpid());
  const std::string base = make_image(images / "bases/debian.qcow2", "");
  const auto host = SmallHost::make(absl::StrCat("version: one\nbase_images: [", base, "]\n"));
  AlertStream alerts(host->collector.process());
  host->start_agent();
  INFO(host->logs());
  REQUIRE(host->agent->wait_until_watching(host->collector, 0, kPatience) == absl::OkStatus());
  const std::string volume = host->acme->plan().disks[0].image;
  const std::string secret = images / "host/secret";
  std::filesystem::create_directories(images / "host");
  const Domain legal = define(*host, "initech-1", "initech",
                              make_image(images / "initech/disk.qcow2", absl::StrCat("-b ", base, " -F qcow2")));
  const Domain thief = define(*host, "globex-1", "globex",
                              make_image(images / "globex-1/disk.qcow2", absl::StrCat("-u -b ", volume, " -F qcow2")));
  const Domain other = define(*host, "globex-2", "globex",
                              make_image(images / "globex-2/disk.qcow2", absl::StrCat("-o data_file=", secret)));
  const auto stolen = alerts.wait_for([&](const Alert& one) { return one.object == volume; }, kAlertTimeout);
  REQUIRE(stolen.status() == absl::OkStatus());
  CHECK(stolen->rule == "DISK-06");
  CHECK(stolen->actor_tenant == "globex");
  CHECK(stolen->object_tenant == "acme");
  CHECK_THAT(stolen->message, Catch::Contains("globex-1/disk.qcow2"));
  const auto leaked = alerts.wait_for([&](const Alert& one) { return one.object == secret; }, kAlertTimeout);
  REQUIRE(leaked.status() == absl::OkStatus());
  CHECK(leaked->rule == "DISK-06");
  CHECK(leaked->object_tenant == "host");
  for (const Alert& one : alerts.seen()) {
    CHECK(one.actor_tenant == "globex");
    CHECK(one.rule == "DISK-06");
  }
  std::filesystem::remove_all(images);
}

}  // namespace
}  // namespace bulkhead::stage
