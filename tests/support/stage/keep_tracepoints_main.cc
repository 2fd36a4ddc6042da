// Runs a command while the tracepoints that probes use stay registered.
//   bulkhead-keep-tracepoints COMMAND [ARGUMENT...]
//
// The last one to let go of a tracepoint waits for RCU (perf_trace_event_unreg in kernel/trace/trace_event_perf.c), a
// tenth of a second for each. A test run would wait so at the end of each agent and of each test that loads probes.
//
// Exit status: the command's, 127 when it cannot be run. Without the rights that probes need it keeps nothing.
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iostream>
#include <vector>

#include "agent/probes/probe_table.h"
#include "agent/probes/tracefs.h"

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: bulkhead-keep-tracepoints COMMAND [ARGUMENT...]\n";
    return 2;
  }
  std::vector<bulkhead::probes::FileDescriptor> events;
  if (const auto tracefs = bulkhead::probes::TraceFs::open(); tracefs.ok()) {
    for (const bulkhead::probes::Probe& probe : bulkhead::probes::probe_table()) {
      for (const bulkhead::probes::Hook& hook : probe.hooks) {
        if (hook.kind != bulkhead::probes::HookKind::kTracepoint) continue;
        if (auto event = tracefs->open_event(hook.name); event.ok()) events.push_back(*std::move(event));
      }
    }
  }
  const pid_t child = fork();
  if (child == 0) {
    execvp(argv[1], argv + 1);
    std::cerr << "bulkhead-keep-tracepoints: cannot run " << argv[1] << ": " << std::strerror(errno) << '\n';
    _exit(127);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
