// MEM-01: reads or writes another process's memory by process_vm_readv and process_vm_writev.
#include <sys/uio.h>

#include <vector>

#include "tests/support/subjects/process_memory.h"
#include "tests/support/subjects/subject.h"

int main(int argc, char** argv) {
  const subject::Arguments arguments(
      argc, argv, "memory_reader [--wait] [--write] [--times=N] PID ADDRESS|largest LENGTH (at most 1 MiB)");
  const auto pid = static_cast<pid_t>(arguments.word_number(0));
  const uint64_t length = arguments.word_number(2);
  const uint64_t times = arguments.number(arguments.value("times", "1"));
  if (length > 1 << 20) arguments.fail();
  const uint64_t address = arguments.word(1) == "largest" ? subject::largest_mapping(pid) : arguments.word_number(1);
  const bool write = arguments.flag("write");
  arguments.wait_for_go();

  // What is written is the marker byte 'B'.
  std::vector<char> buffer(length, 'B');
  const iovec local{buffer.data(), buffer.size()};
  const iovec remote{reinterpret_cast<void*>(address), buffer.size()};
  ssize_t moved = 0;
  for (uint64_t i = 0; i < times; ++i) {
    moved = write ? process_vm_writev(pid, &local, 1, &remote, 1, 0) : process_vm_readv(pid, &local, 1, &remote, 1, 0);
    if (moved < 0) return subject::refused(write ? "process_vm_writev" : "process_vm_readv", errno);
  }
  return subject::done("%s pid %d address 0x%" PRIx64 " moved %zd bytes %" PRIu64 " times",
                       write ? "process_vm_writev" : "process_vm_readv", pid, address, moved, times);
}
