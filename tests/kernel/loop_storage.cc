#include "tests/kernel/loop_storage.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"

namespace bulkhead::test {

namespace {

constexpr stage::Milliseconds kToolPatience{60'000};

void run_tool(std::vector<std::string> words) {
  const absl::Status done =
      stage::run_checked({.words = std::move(words), .stderr_file = "", .namespaces = {}}, kToolPatience);
  if (!done.ok()) FAIL(done.message());
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
