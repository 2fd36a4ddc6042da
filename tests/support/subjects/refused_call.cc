// Becomes a command to which the kernel refuses one system call, as a kernel does that was built or locked down
// otherwise.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cstddef>

#include "tests/support/subjects/subject.h"

int main(int argc, char** argv) {
  if (argc < 3 || strcmp(argv[1], "perf_event_open") != 0) {
    std::fprintf(stderr, "usage: refused_call perf_event_open COMMAND [ARGUMENT...]\n");
    return subject::kUsage;
  }
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_perf_event_open, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program = {.len = sizeof filter / sizeof filter[0], .filter = filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
    return subject::refused("seccomp", errno);
  execv(argv[2], argv + 2);
  return subject::refused(argv[2], errno);
}
