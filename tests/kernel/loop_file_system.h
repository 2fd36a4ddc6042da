// A file system of one's own, in a file.
#pragma once

#include <string>

#include "tests/kernel/kernel_host.h"

namespace bulkhead::test {

// Mounted where only this process and its children see it: the process enters a mount namespace of its own, and stays
// there. With the process the mount goes, and with the mount the loop device.
class LoopFileSystem {
 public:
  // Such as "xfs"; of at least 320 MiB, that take no room. Fails the test when it cannot be made or mounted.
  explicit LoopFileSystem(const std::string& type);
  ~LoopFileSystem();
  LoopFileSystem(const LoopFileSystem&) = delete;
  LoopFileSystem& operator=(const LoopFileSystem&) = delete;

  const std::string& path() const { return mount_point_; }

 private:
  TemporaryDirectory directory_;
  std::string mount_point_;
};

// What is mounted from now on is seen by this process and its children alone.
void enter_mount_namespace();

}  // namespace bulkhead::test
