#include "tests/kernel/loop_file_system.h"

#include <sched.h>
#include <sys/mount.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

namespace bulkhead::test {

namespace {

constexpr std::uintmax_t kBytes = 320ull << 20;
constexpr stage::Milliseconds kToolPatience{120'000};

void must_run(std::vector<std::string> words) {
  const absl::Status done = stage::run_checked({std::move(words), "/dev/null", {}}, kToolPatience);
  if (!done.ok()) FAIL(done.message());
}

}  // namespace

void enter_mount_namespace() {
  static const bool entered = [] {
    return unshare(CLONE_NEWNS) == 0 && mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  }();
  if (!entered) FAIL("no mount namespace of our own");
}

LoopFileSystem::LoopFileSystem(const std::string& type) : mount_point_(directory_.path() + "/mnt") {
  enter_mount_namespace();
  const std::string image = directory_.file("image", 0);
  std::filesystem::resize_file(image, kBytes);
  std::filesystem::create_directory(mount_point_);
  must_run({"/usr/sbin/mkfs." + type, type == "ext4" ? "-q" : "-f", image});
  must_run({"/usr/bin/mount", "-t", type, "-o", "loop", image, mount_point_});
}

LoopFileSystem::~LoopFileSystem() {
  umount2(mount_point_.c_str(), MNT_DETACH);
}

}  // namespace bulkhead::test
