// MEM-02: traces another process as a debugger does, and lets it go again.
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "tests/support/subjects/process_memory.h"
#include "tests/support/subjects/subject.h"

namespace {

// A stopped tracee, as every request but attach and seize needs it; 0 or an errno.
int stop(pid_t pid, bool seize) {
  if (ptrace(seize ? PTRACE_SEIZE : PTRACE_ATTACH, pid, nullptr, nullptr) != 0) return errno;
  if (seize && ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr) != 0) return errno;
  int status = 0;
  if (waitpid(pid, &status, __WALL) != pid) return errno;
  return WIFSTOPPED(status) ? 0 : ESRCH;
}

}  // namespace

int main(int argc, char** argv) {
  const subject::Arguments arguments(argc, argv,
                                     "ptrace_attacher [--wait] attach|seize|peek|poke|registers PID [ADDRESS|largest]");
  const std::string& act = arguments.word(0);
  const auto pid = static_cast<pid_t>(arguments.word_number(1));
  const bool needs_address = act == "peek" || act == "poke";
  uint64_t address = 0;
  if (needs_address)
    address = arguments.word(2) == "largest" ? subject::largest_mapping(pid) : arguments.word_number(2);
  else if (act != "attach" && act != "seize" && act != "registers")
    arguments.fail();
  arguments.wait_for_go();

  const int error = stop(pid, act == "seize");
  if (error != 0) return subject::refused(act == "seize" ? "PTRACE_SEIZE" : "PTRACE_ATTACH", error);
  int request_error = 0;
  if (needs_address) {
    errno = 0;
    const long word = ptrace(PTRACE_PEEKDATA, pid, address, nullptr);
    request_error = errno;
    // A poke puts back what was there: the tracee is traced, not harmed.
    if (request_error == 0 && act == "poke" && ptrace(PTRACE_POKEDATA, pid, address, word) != 0) request_error = errno;
  } else if (act == "registers") {
    user_regs_struct registers{};
    if (ptrace(PTRACE_GETREGS, pid, nullptr, &registers) != 0) request_error = errno;
  }
  ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
  if (request_error != 0) return subject::refused(act.c_str(), request_error);
  return subject::done("ptrace %s pid %d address 0x%" PRIx64, act.c_str(), pid, address);
}
