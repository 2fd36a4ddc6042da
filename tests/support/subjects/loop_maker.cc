// Makes a loop device by the calls that were there before LOOP_CONFIGURE (5.8), and takes it away after a line on
// stdin.
#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>

#include "tests/support/subjects/subject.h"

int main(int argc, char** argv) {
  const subject::Arguments arguments(argc, argv,
                                     "loop_maker FILE OFFSET\nprints the device's path, then waits for a line");
  const int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
  const int number = ioctl(control, LOOP_CTL_GET_FREE);
  if (number < 0) return subject::refused("LOOP_CTL_GET_FREE", errno);
  const std::string path = "/dev/loop" + std::to_string(number);
  const int file = open(arguments.word(0).c_str(), O_RDWR | O_CLOEXEC);
  const int device = open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0 || device < 0) return subject::refused("open", errno);
  if (ioctl(device, LOOP_SET_FD, file) != 0) return subject::refused("LOOP_SET_FD", errno);
  loop_info64 info = {};
  info.lo_offset = arguments.word_number(1);
  info.lo_flags = LO_FLAGS_AUTOCLEAR;  // it goes with this process, also when that is killed
  const bool shifted = ioctl(device, LOOP_SET_STATUS64, &info) == 0;
  const int error = errno;
  if (shifted) {
    std::printf("%s\n", path.c_str());
    std::fflush(stdout);
    for (int c = std::getchar(); c != '\n' && c != EOF; c = std::getchar()) {
    }
  }
  ioctl(device, LOOP_CLR_FD);
  return shifted ? subject::kDone : subject::refused("LOOP_SET_STATUS64", error);
}
