// The stage itself: what the product's end-to-end tests stand on.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/support/skip.h"
#include "tests/support/stage/domain.h"
#include "tests/support/stage/host_state.h"
#include "tests/support/stage/private_libvirt.h"

namespace bulkhead::stage {
namespace {

constexpr Milliseconds kBoot(60'000);
constexpr Milliseconds kGone(20'000);
const std::vector<std::string> kNothing;

TEST_CASE("two guests on a private libvirt reach each other and leave nothing behind") {
  if (geteuid() != 0) BULKHEAD_SKIP("needs root");
  const auto image = find_guest_image();
  if (!image.ok()) BULKHEAD_SKIP(std::string(image.status().message()));
  const bool use_kvm = kvm_works(*image);
  const HostState before = HostState::now();
  {
    auto libvirt = PrivateLibvirt::start({.hide_kvm = !use_kvm});
    REQUIRE(libvirt.status() == absl::OkStatus());
    REQUIRE(libvirt->add_bridge("br-acme") == absl::OkStatus());
    auto hypervisor = Hypervisor::connect(*libvirt, *image, use_kvm);
    REQUIRE(hypervisor.status() == absl::OkStatus());

    const Disk volume{libvirt->state_dir() / "acme-1.qcow2", "qcow2"};
    REQUIRE(make_image(volume.image, "qcow2", 16) == absl::OkStatus());
    auto first = hypervisor->define(
        {"acme-1", "acme", {volume}, {{"tap-acme-1", "br-acme", "52:54:00:ac:00:01"}}, "10.77.0.11/24"});
    auto second =
        hypervisor->define({"acme-2", "acme", {}, {{"tap-acme-2", "br-acme", "52:54:00:ac:00:02"}}, "10.77.0.12/24"});
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
    const auto nobody = first->console().run("ping -c 1 -W 1 10.77.0.99", Milliseconds(10'000));
    REQUIRE(nobody.status() == absl::OkStatus());
    CHECK(nobody->exit_status == 1);

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

    const auto vmm = first->vmm_pid();
    REQUIRE(vmm.status() == absl::OkStatus());
    CHECK(before.left_behind(Milliseconds(0)) != kNothing);
    CHECK(libvirt->kill_daemon() == absl::OkStatus());
    CHECK(libvirt->start_daemon() == absl::OkStatus());
    // Domains do not end with their libvirtd.
    CHECK(kill(*vmm, 0) == 0);
  }
  CHECK(before.left_behind(kGone) == kNothing);
}

TEST_CASE("a private libvirt goes when the program that started it is killed") {
  if (geteuid() != 0) BULKHEAD_SKIP("needs root");
  const HostState before = HostState::now();
  int ready[2];
  REQUIRE(pipe(ready) == 0);
  const pid_t program = fork();
  if (program == 0) {
    const auto libvirt = PrivateLibvirt::start({});
    const char good = libvirt.ok() ? 'y' : 'n';
    if (write(ready[1], &good, 1) == 1) pause();
    _exit(1);
  }
  close(ready[1]);
  char good = 'n';
  CHECK(read(ready[0], &good, 1) == 1);
  CHECK(good == 'y');
  CHECK(before.left_behind(Milliseconds(0)) != kNothing);
  kill(program, SIGKILL);
  waitpid(program, nullptr, 0);
  close(ready[0]);
  CHECK(before.left_behind(kGone) == kNothing);
}

}  // namespace
}  // namespace bulkhead::stage
