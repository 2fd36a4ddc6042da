// MEM-03: opens /proc/<pid>/mem, by any path, and reads or writes there.
#include <fcntl.h>

#include <vector>

#include "tests/support/subjects/process_memory.h"
#include "tests/support/subjects/subject.h"

int main(int argc, char** argv) {
  const subject::Arguments arguments(argc, argv,
                                     "proc_mem_reader [--wait] [--write] [--open-only] [--path=FILE] "
                                     "[--descriptor=OPEN] PID ADDRESS|largest LENGTH (at most 1 MiB)");
  const auto pid = static_cast<pid_t>(arguments.word_number(0));
  const uint64_t length = arguments.word_number(2);
  if (length > 1 << 20) arguments.fail();
  const uint64_t address = arguments.word(1) == "largest" ? subject::largest_mapping(pid) : arguments.word_number(1);
  const std::string path = arguments.value("path", "/proc/" + std::to_string(pid) + "/mem");
  const bool write = arguments.flag("write");
  arguments.wait_for_go();

  // Or one that came from elsewhere.
  const std::string given = arguments.value("descriptor", "");
  const int mem = given.empty() ? open(path.c_str(), write ? O_RDWR : O_RDONLY) : std::stoi(given);
  if (mem < 0) return subject::refused(path.c_str(), errno);
  if (arguments.flag("open-only")) return subject::done("opened %s", path.c_str());

  std::vector<char> buffer(length, 'B');
  const auto offset = static_cast<off_t>(address);
  const ssize_t moved =
      write ? pwrite(mem, buffer.data(), buffer.size(), offset) : pread(mem, buffer.data(), buffer.size(), offset);
  if (moved < 0) return subject::refused(write ? "pwrite" : "pread", errno);
  return subject::done("%s %s address 0x%" PRIx64 " moved %zd bytes", write ? "wrote" : "read", path.c_str(), address,
                       moved);
}
