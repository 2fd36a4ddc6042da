// Block devices and file systems of a test's own: loop devices over temporary files.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "tests/kernel/kernel_host.h"
#include "tests/support/stage/loop_device.h"

namespace bulkhead::test {

// Why there can be none here; empty when there can.
std::string missing_loop_devices();

// Over a file of its own.
class LoopDevice {
 public:
  explicit LoopDevice(std::size_t bytes) : device_(directory_.path() + "/backing", bytes) {}

  // Such as /dev/loop3.
  const std::string& path() const { return device_.path(); }

 private:
  TemporaryDirectory directory_;
  stage::LoopDevice device_;
};

// A file system of a type that a hypervisor host has its images on, which the temporary directory may not be. Unmounted
// at the end.
class DiskFileSystem {
 public:
  explicit DiskFileSystem(const std::string& type = "ext4");
  ~DiskFileSystem();
  DiskFileSystem(const DiskFileSystem&) = delete;
  DiskFileSystem& operator=(const DiskFileSystem&) = delete;

  const std::string& path() const { return mount_.path(); }
  const std::string& device() const { return device_.path(); }

 private:
  LoopDevice device_;
  TemporaryDirectory mount_;
};

}  // namespace bulkhead::test

#define BULKHEAD_NEEDS_LOOP()                                         \
  do {                                                                \
    const std::string why = ::bulkhead::test::missing_loop_devices(); \
    if (!why.empty()) {                                               \
      ::bulkhead::test::report_skip(why);                             \
      return;                                                         \
    }                                                                 \
  } while (false)
