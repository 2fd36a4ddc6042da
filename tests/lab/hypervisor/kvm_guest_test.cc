// A real guest under KVM, whose port is a vhost-net tap on a bridge.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/lab/hypervisor/in_lab.h"
#include "tests/lab/hypervisor/shell.h"
#include "tests/support/stage/guest_console.h"
#include "tests/support/stage/guest_image.h"

namespace bulkhead::lab {
namespace {

namespace fs = std::filesystem;
using stage::Milliseconds;

constexpr Milliseconds kBoot(90'000);

// Whether a process has a descriptor of that name, such as "anon_inode:kvm-vm".
bool has_open(pid_t process, const std::string& name) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(absl::StrCat("/proc/", process, "/fd"), ignored))
    if (fs::read_symlink(entry.path(), ignored) == name) return true;
  return false;
}

// Threads and processes of the host whose name begins with "vhost-<pid>": before Linux 6.4 the worker of a vhost device
// is a kernel thread of that name, later a thread of the VMM.
std::vector<std::string> vhost_workers(pid_t vmm) {
  std::vector<std::string> found;
  std::error_code ignored;
  const auto look = [&](const fs::path& task) {
    std::string name;
    std::ifstream(task / "comm") >> name;
    if (absl::StartsWith(name, absl::StrCat("vhost-", vmm))) found.push_back(task);
  };
  for (const auto& process : fs::directory_iterator("/proc", ignored)) look(process.path());
  for (const auto& thread : fs::directory_iterator(absl::StrCat("/proc/", vmm, "/task"), ignored)) look(thread.path());
  return found;
}

std::vector<std::string> guest_words(const stage::GuestImage& image, const std::string& console) {
  return {"qemu-system-x86_64",
          "-accel",
          "kvm",
          "-cpu",
          "host",
          "-m",
          "96",
          "-display",
          "none",
          "-nodefaults",
          "-no-user-config",
          "-no-reboot",
          "-kernel",
          image.kernel,
          "-initrd",
          image.initramfs,
          "-append",
          "console=ttyS0 quiet bulkhead.ip=10.88.0.2/24",
          "-chardev",
          absl::StrCat("socket,id=console,server=on,wait=on,path=", console),
          "-serial",
          "chardev:console",
          "-netdev",
          "tap,id=port,ifname=tap-lab,script=no,downscript=no,vhost=on",
          "-device",
          "virtio-net-pci,netdev=port,romfile="};
}

// QEMU waits for it before it starts the guest.
stage::GuestConsole connect(stage::ChildProcess& vmm, const std::string& path) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (true) {
    auto console = stage::GuestConsole::connect(path);
    if (console.ok()) return *std::move(console);
    if (vmm.wait(Milliseconds(50)).ok()) FAIL("QEMU ended");
    if (std::chrono::steady_clock::now() > deadline) FAIL(console.status().message());
  }
}

TEST_CASE("a guest boots under KVM and answers through a vhost-net tap on a bridge") {
  BULKHEAD_NEEDS_LAB();
  const auto image = stage::find_guest_image();
  REQUIRE(image.status() == absl::OkStatus());
  const AtEnd no_bridge("ip link delete br-lab"), no_tap("ip link delete tap-lab");
  do_command("ip link add br-lab type bridge stp_state 0");
  do_command("ip address add 10.88.0.1/24 dev br-lab");
  do_command("ip link set br-lab up");
  do_command("ip tuntap add dev tap-lab mode tap vnet_hdr");
  do_command("ip link set tap-lab master br-lab up");

  const std::string path = absl::StrCat("/tmp/lab-console-", getpid());
  auto vmm = stage::ChildProcess::start({.words = guest_words(*image, path), .stderr_file = "", .namespaces = {}});
  REQUIRE(vmm.status() == absl::OkStatus());
  stage::GuestConsole console = connect(*vmm, path);
  REQUIRE(console.wait_ready(kBoot) == absl::OkStatus());
  CHECK(has_open(vmm->pid(), "anon_inode:kvm-vm"));
  CHECK(vhost_workers(vmm->pid()).size() == 1);

  do_command("busybox ping -c 1 -W 10 10.88.0.2");
  const auto outwards = console.run("ping -c 1 -W 10 10.88.0.1", Milliseconds(20'000));
  REQUIRE(outwards.status() == absl::OkStatus());
  CHECK(outwards->exit_status == 0);
  fs::remove(path);
}

}  // namespace
}  // namespace bulkhead::lab
