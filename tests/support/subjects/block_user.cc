// Reads, writes, zeroes and discards parts of a block device, past the page cache unless --buffered.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "tests/support/subjects/subject.h"

namespace {

constexpr char kUsage[] = "block_user [--wait] [--buffered] DEVICE {read|write|zero|discard}:OFFSET:LENGTH...";

struct Act {
  std::string name;
  uint64_t offset = 0;
  uint64_t length = 0;
};

Act act_of(const subject::Arguments& arguments, const std::string& text) {
  const size_t first = text.find(':');
  const size_t second = text.find(':', first + 1);
  if (first == std::string::npos || second == std::string::npos) arguments.fail();
  return {text.substr(0, first), arguments.number(text.substr(first + 1, second - first - 1)),
          arguments.number(text.substr(second + 1))};
}

int transfer(int file, const Act& act) {
  constexpr size_t kPage = 4096;
  const size_t room = (act.length + kPage - 1) / kPage * kPage;
  void* memory = std::aligned_alloc(kPage, room);
  if (memory == nullptr) return subject::refused("aligned_alloc", errno);
  std::memset(memory, 'x', room);
  const ssize_t moved = act.name == "read" ? pread(file, memory, act.length, static_cast<off_t>(act.offset))
                                           : pwrite(file, memory, act.length, static_cast<off_t>(act.offset));
  const int error = moved < 0 ? errno : EIO;
  std::free(memory);
  if (moved != static_cast<ssize_t>(act.length)) return subject::refused(act.name.c_str(), error);
  return subject::kDone;
}

int do_act(const subject::Arguments& arguments, int file, const Act& act) {
  if (act.name == "read" || act.name == "write") return transfer(file, act);
  uint64_t range[2] = {act.offset, act.length};
  if (act.name != "zero" && act.name != "discard") arguments.fail();
  if (ioctl(file, act.name == "zero" ? BLKZEROOUT : BLKDISCARD, range) == 0) return subject::kDone;
  return subject::refused(act.name.c_str(), errno);
}

}  // namespace

int main(int argc, char** argv) {
  const subject::Arguments arguments(argc, argv, kUsage);
  arguments.wait_for_go();
  const int flags = O_RDWR | O_CLOEXEC | (arguments.flag("buffered") ? 0 : O_DIRECT);
  const int file = open(arguments.word(0).c_str(), flags);
  if (file < 0) return subject::refused("open", errno);
  for (size_t i = 1; i < arguments.words(); ++i) {
    if (const int status = do_act(arguments, file, act_of(arguments, arguments.word(i))); status != subject::kDone) {
      return status;
    }
  }
  if (fsync(file) != 0) return subject::refused("fsync", errno);
  return subject::done("%zu acts", arguments.words() - 1);
}
