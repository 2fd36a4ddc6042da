#include "tests/support/stage/loop_device.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>

#include "tests/support/stage/file_descriptor.h"

namespace bulkhead::stage {

LoopDevice::LoopDevice(const std::string& file, std::uint64_t bytes) : file_(file) {
  const FileDescriptor backing(open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  REQUIRE(backing.get() >= 0);
  REQUIRE(ftruncate(backing.get(), static_cast<off_t>(bytes)) == 0);
  const FileDescriptor control(open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  REQUIRE(control.get() >= 0);
  loop_config config = {};
  config.fd = static_cast<__u32>(backing.get());
  config.block_size = 512;
  // Another process of the machine may take the free one first.
  for (int attempt = 0; attempt < 20 && path_.empty(); ++attempt) {
    const int number = ioctl(control.get(), LOOP_CTL_GET_FREE);
    REQUIRE(number >= 0);
    const std::string path = "/dev/loop" + std::to_string(number);
    const FileDescriptor device(open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (device.get() >= 0 && ioctl(device.get(), LOOP_CONFIGURE, &config) == 0) path_ = path;
  }
  REQUIRE_FALSE(path_.empty());
}

LoopDevice::~LoopDevice() {
  const FileDescriptor device(open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  if (device.get() >= 0) ioctl(device.get(), LOOP_CLR_FD);
}

void LoopDevice::resize(std::uint64_t bytes) {
  REQUIRE(truncate(file_.c_str(), static_cast<off_t>(bytes)) == 0);
  const FileDescriptor device(open(path_.c_str(), O_RDWR | O_CLOEXEC));
  REQUIRE(device.get() >= 0);
  REQUIRE(ioctl(device.get(), LOOP_SET_CAPACITY) == 0);
}

std::uint32_t LoopDevice::number() const {
  struct stat status = {};
  REQUIRE(stat(path_.c_str(), &status) == 0);
  return major(status.st_rdev) << 20 | minor(status.st_rdev);
}

}  // namespace bulkhead::stage
