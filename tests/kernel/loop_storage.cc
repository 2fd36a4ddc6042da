#include "tests/kernel/loop_storage.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace bulkhead::test {

namespace {

constexpr stage::Milliseconds kToolPatience{60'000};

std::string run_tool(std::vector<std::string> words) {
  const auto done = stage::run({.words = words, .stderr_file = "", .namespaces = {}}, kToolPatience);
  if (!done.ok()) FAIL(done.status().message());
  if (done->exit_status != 0) FAIL(words.front() << " ended with " << done->exit_status);
  return std::string(absl::StripSuffix(done->output, "\n"));
}

// Without an assertion: for destructors.
void try_tool(std::vector<std::string> words) {
  stage::run_checked({.words = std::move(words), .stderr_file = "", .namespaces = {}}, kToolPatience).IgnoreError();
}

}  // namespace

std::string missing_loop_devices() {
  try_tool({"modprobe", "-q", "loop"});
  return std::filesystem::exists("/dev/loop-control") ? "" : "this kernel has no loop devices";
}

LoopDevice::LoopDevice(std::size_t bytes) {
  const std::string file = directory_.file("backing", 0);
  std::filesystem::resize_file(file, bytes);
  path_ = run_tool({"losetup", "--find", "--show", file});
}

LoopDevice::~LoopDevice() {
  try_tool({"losetup", "--detach", path_});
}

DiskFileSystem::DiskFileSystem(const std::string& type) : device_(std::size_t{320} << 20) {
  std::vector<std::string> make = {absl::StrCat("mkfs.", type), "-q"};
  // What a volume's file system has; a small one gets smaller blocks, and tools read by them.
  if (type == "ext4") make.insert(make.end(), {"-b", "4096"});
  make.push_back(device_.path());
  run_tool(make);
  run_tool({"mount", "-t", type, device_.path(), mount_.path()});
}

DiskFileSystem::~DiskFileSystem() {
  try_tool({"umount", mount_.path()});
}

}  // namespace bulkhead::test
