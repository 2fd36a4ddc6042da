// Runs a command and says what it left behind on this host.
//   bulkhead-leftovers COMMAND [ARGUMENT...]
// Exit status: the command's, or 1 when it left something and was content otherwise.
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iostream>

#include "tests/support/stage/host_state.h"

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: bulkhead-leftovers COMMAND [ARGUMENT...]\n";
    return 2;
  }
  const auto before = bulkhead::stage::HostState::now();
  const pid_t child = fork();
  if (child == 0) {
    execvp(argv[1], argv + 1);
    std::cerr << "bulkhead-leftovers: cannot run " << argv[1] << ": " << std::strerror(errno) << '\n';
    _exit(127);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  const int exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  const auto left = before.left_behind(bulkhead::stage::Milliseconds(10'000));
  for (const std::string& thing : left) std::cerr << "bulkhead-leftovers: left behind: " << thing << '\n';
  return exit_status != 0 || left.empty() ? exit_status : 1;
}
