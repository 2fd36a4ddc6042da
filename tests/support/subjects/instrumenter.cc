// MEM-04 and MEM-10: takes a descriptor out of a process, opens a performance event on it, compares it with itself, or
// advises on its memory.
#include <linux/kcmp.h>
#include <linux/perf_event.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "tests/support/subjects/subject.h"

namespace {

int pidfd_of(uint64_t pid) {
  return static_cast<int>(syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0));
}

long get_descriptor(uint64_t pid, uint64_t descriptor) {
  const int process = pidfd_of(pid);
  return process < 0 ? -1 : syscall(SYS_pidfd_getfd, process, static_cast<int>(descriptor), 0);
}

long open_perf_event(uint64_t pid) {
  perf_event_attr attributes = {};
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.size = sizeof(attributes);
  attributes.config = PERF_COUNT_SW_TASK_CLOCK;
  return syscall(SYS_perf_event_open, &attributes, static_cast<pid_t>(pid), -1, -1, PERF_FLAG_FD_CLOEXEC);
}

long advise(uint64_t pid, uint64_t address) {
  const int process = pidfd_of(pid);
  const iovec page = {reinterpret_cast<void*>(address & ~uint64_t{4095}), 4096};
  return process < 0 ? -1 : syscall(SYS_process_madvise, process, &page, 1, MADV_COLD, 0);
}

}  // namespace

int main(int argc, char** argv) {
  const subject::Arguments arguments(
      argc, argv, "instrumenter [--wait] getfd PID DESCRIPTOR | perf PID | kcmp PID OTHER | madvise PID ADDRESS");
  const std::string& act = arguments.word(0);
  const uint64_t pid = arguments.word_number(1);
  const uint64_t number = arguments.words() > 2 ? arguments.word_number(2) : 0;
  arguments.wait_for_go();
  long result = -1;
  if (act == "getfd") {
    result = get_descriptor(pid, number);
  } else if (act == "perf") {
    result = open_perf_event(pid);
  } else if (act == "kcmp") {
    result = syscall(SYS_kcmp, static_cast<pid_t>(pid), static_cast<pid_t>(number), KCMP_FILES, 0, 0);
  } else if (act == "madvise") {
    result = advise(pid, number);
  } else {
    arguments.fail();
  }
  if (result < 0) return subject::refused(act.c_str(), errno);
  return subject::done("%s of %" PRIu64 ": %ld", act.c_str(), pid, result);
}
