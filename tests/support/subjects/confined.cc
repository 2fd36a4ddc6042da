// VMM-01 and VMM-03: plays a VMM that does to its host what no emulator has to.
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <spawn.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <filesystem>
#include <map>

#include "tests/support/subjects/subject.h"

namespace {

constexpr const char* kUsage =
    "confined [--wait] ACT\n"
    "execute PROGRAM | execute-copy PROGRAM (from memory, that has no name) | spawn PROGRAM | unshare FLAGS | setns | "
    "clone FLAGS | clone3 FLAGS | setuid UID | setresuid UID "
    "|\n"
    "setfsuid UID | setgroups | capset | chroot PATH | mount | umount | module | bpf | ptrace | fork";

extern "C" char** environ;

long result_of_child(pid_t child) {
  if (child < 0) return -1;
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

long spawn(const std::string& program) {
  pid_t child = 0;
  char* words[] = {const_cast<char*>(program.c_str()), nullptr};
  const int error = posix_spawn(&child, program.c_str(), nullptr, nullptr, words, environ);
  if (error == 0) return result_of_child(child);
  errno = error;
  return -1;
}

long execute_copy(const std::string& program) {
  const int from = open(program.c_str(), O_RDONLY | O_CLOEXEC);
  const int copy = memfd_create("copy", MFD_CLOEXEC);
  while (sendfile(copy, from, nullptr, 1 << 20) > 0) {
  }
  char* words[] = {const_cast<char*>(program.c_str()), nullptr};
  return fexecve(copy, words, environ);
}

// The child ends at once.
long clone_with(uint64_t flags, bool new_call) {
  long child;
  if (new_call) {
    clone_args arguments{};
    arguments.flags = flags;
    arguments.exit_signal = SIGCHLD;
    child = syscall(SYS_clone3, &arguments, sizeof arguments);
  } else {
    child = syscall(SYS_clone, flags | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  }
  if (child == 0) _exit(0);
  return result_of_child(static_cast<pid_t>(child));
}

long set_no_capabilities() {
  struct {
    uint32_t version = 0x20080522;  // _LINUX_CAPABILITY_VERSION_3
    int pid = 0;
  } header;
  uint32_t sets[6] = {};
  return syscall(SYS_capset, &header, sets);
}

long do_act(const subject::Arguments& arguments, const std::string& act) {
  const std::string text = arguments.words() > 1 ? arguments.word(1) : "";
  const auto number = [&] { return arguments.number(text); };
  if (act == "execute") return execl(text.c_str(), text.c_str(), nullptr);
  if (act == "execute-copy") return execute_copy(text);
  if (act == "spawn") return spawn(text);
  if (act == "fork") return clone_with(0, false);
  if (act == "unshare") return unshare(static_cast<int>(number()));
  if (act == "setns") return setns(open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC), CLONE_NEWUTS);
  if (act == "clone" || act == "clone3") return clone_with(number(), act == "clone3");
  // By number: the library's would change every thread, one call each.
  if (act == "setuid") return syscall(SYS_setuid, number());
  if (act == "setresuid") return syscall(SYS_setresuid, number(), number(), number());
  if (act == "setfsuid") return syscall(SYS_setfsuid, number());
  if (act == "setgroups") return syscall(SYS_setgroups, 0, nullptr);
  if (act == "capset") return set_no_capabilities();
  if (act == "chroot") return chroot(text.c_str());
  if (act == "mount") return mount("none", "/no-such-directory", "tmpfs", 0, nullptr);
  if (act == "umount") return umount2("/no-such-directory", 0);
  if (act == "module") return syscall(SYS_delete_module, "no_such_module", O_NONBLOCK);
  if (act == "bpf") return syscall(SYS_bpf, 4095, nullptr, 0);                    // no command's number
  if (act == "ptrace") return ptrace(PTRACE_ATTACH, 0x3ffffe, nullptr, nullptr);  // nobody's number
  arguments.fail();
}

}  // namespace

int main(int argc, char** argv) {
  const subject::Arguments arguments(argc, argv, kUsage);
  const std::string& act = arguments.word(0);
  arguments.wait_for_go();
  const long result = do_act(arguments, act);
  if (result < 0) return subject::refused(act.c_str(), errno);
  return subject::done("%s: %ld", act.c_str(), result);
}
