// The stage itself: what the product's end-to-end tests stand on.
#include <signal.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/support/skip.h"
#include "tests/support/stage/domain.h"
#include "tests/support/stage/private_libvirt.h"

namespace bulkhead::stage {
namespace {

constexpr Milliseconds kBoot(60'000);

TEST_CASE("two guests on a private libvirt reach each other") {
  if (geteuid() != 0) BULKHEAD_SKIP("needs root");
  const auto image = find_guest_image();
  if (!image.ok()) BULKHEAD_SKIP(std::string(image.status().message()));
  auto libvirt = PrivateLibvirt::start({});
  INFO(libvirt.status());
  REQUIRE(libvirt.ok());
  REQUIRE(libvirt->add_bridge("br-acme") == absl::OkStatus());
  auto hypervisor = Hypervisor::connect(*libvirt, *image, false);
  REQUIRE(hypervisor.status() == absl::OkStatus());

  const auto volume = libvirt->state_dir() / "acme-1.qcow2";
  REQUIRE(make_image(volume, "qcow2", 16) == absl::OkStatus());
  auto first = hypervisor->define(
      {"acme-1", "acme", {{volume, "qcow2"}}, {{"tap-acme-1", "br-acme", "52:54:00:ac:3e:01"}}, "10.77.0.11/24"});
  auto second =
      hypervisor->define({"acme-2", "acme", {}, {{"tap-acme-2", "br-acme", "52:54:00:ac:3e:02"}}, "10.77.0.12/24"});
  REQUIRE(first.status() == absl::OkStatus());
  REQUIRE(second.status() == absl::OkStatus());
  REQUIRE(first->start() == absl::OkStatus());
  REQUIRE(second->start() == absl::OkStatus());
  REQUIRE(first->console().wait_ready(kBoot) == absl::OkStatus());
  REQUIRE(second->console().wait_ready(kBoot) == absl::OkStatus());

  const auto ping = first->console().run("ping -c 1 -W 5 10.77.0.12", Milliseconds(10'000));
  REQUIRE(ping.status() == absl::OkStatus());
  INFO(ping->output);
  CHECK(ping->exit_status == 0);

  SECTION("a volume is hot-plugged and seen in the guest") {
    const Disk more{libvirt->state_dir() / "more.raw", "raw", "vdb"};
    REQUIRE(make_image(more.image, "raw", 8) == absl::OkStatus());
    REQUIRE(first->attach(more) == absl::OkStatus());
    const auto seen = first->console().run(
        "n=0; until [ -b /dev/vdb ] || [ $n -gt 50 ]; do usleep 100000; n=$((n+1)); done; dd if=/dev/vdb of=/dev/null "
        "bs=4k count=1",
        Milliseconds(20'000));
    REQUIRE(seen.status() == absl::OkStatus());
    INFO(seen->output);
    CHECK(seen->exit_status == 0);
    CHECK(first->detach(more) == absl::OkStatus());
  }

  SECTION("domains go on while libvirtd is restarted") {
    const auto pid = first->vmm_pid();
    REQUIRE(pid.status() == absl::OkStatus());
    REQUIRE(libvirt->kill_daemon() == absl::OkStatus());
    REQUIRE(libvirt->start_daemon() == absl::OkStatus());
    CHECK(kill(*pid, 0) == 0);
  }
}

}  // namespace
}  // namespace bulkhead::stage
