#include "tests/support/stage/guest_image.h"

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/support/stage/child_process.h"
#include "tests/support/stage/guest_console.h"
#include "tests/support/stage/interrupt.h"

namespace bulkhead::stage {
namespace {

std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  file >> id;
  return id;
}

bool boots_under_kvm(const GuestImage& image) {
  auto guest = ChildProcess::start(
      {{"qemu-system-x86_64", "-accel", "kvm", "-m", "96", "-display", "none", "-nodefaults", "-no-reboot", "-serial",
        "stdio", "-kernel", image.kernel, "-initrd", image.initramfs, "-append", "console=ttyS0 quiet"},
       "/dev/null",
       {}});
  if (!guest.ok()) return false;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (std::chrono::steady_clock::now() < deadline) {
    const auto line = guest->read_line(Milliseconds(500));
    if (line.ok() && absl::StrContains(*line, kGuestReady)) return true;
    if (!line.ok() && !absl::IsDeadlineExceeded(line.status())) return false;
  }
  return false;
}

}  // namespace

absl::StatusOr<GuestImage> find_guest_image() {
  const char* chosen = std::getenv("BULKHEAD_GUEST_IMAGE");
  const std::filesystem::path build = std::filesystem::path(program_directory()).parent_path();
  std::vector<std::filesystem::path> places;
  if (chosen != nullptr)
    places = {chosen};
  else
    places = {build / "guest", build.parent_path() / "guest"};
  for (const auto& place : places) {
    GuestImage image{place / "vmlinuz", place / "initramfs"};
    if (std::filesystem::exists(image.kernel) && std::filesystem::exists(image.initramfs)) return image;
  }
  return absl::NotFoundError(
      absl::StrCat("there is no guest image in ", places.back().string(), ": run scripts/guest-image"));
}

bool kvm_works(const GuestImage& image) {
  if (access("/dev/kvm", R_OK | W_OK) != 0) return false;
  const std::string boot = boot_id();
  const auto memory = image.kernel.parent_path() / "kvm-works";
  std::string remembered_boot, remembered;
  if (std::ifstream(memory) >> remembered_boot >> remembered && remembered_boot == boot) return remembered == "yes";
  const bool works = boots_under_kvm(image);
  if (!interrupted()) std::ofstream(memory) << boot << (works ? " yes\n" : " no\n");
  return works;
}

}  // namespace bulkhead::stage
