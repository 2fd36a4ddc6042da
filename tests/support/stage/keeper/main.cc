// bulkhead-stage-keeper STATE_DIR [--hide-kvm] [--listen-tcp] [--no-sandbox]
//
// Keeps a private libvirt: makes its namespaces, runs libvirtd, and removes every trace when its stdin ends, however
// its parent ended. It is a process of its own so that a test that crashes, or a demo that is killed, cleans up all the
// same.
//
// On stdout "ready" or "error <why>" first, then for each order on stdin ("stop-libvirtd", "kill-libvirtd",
// "start-libvirtd") "ok" or "error <why>". Exit status: 0 nothing was left behind; 1 not so, or it could not start.
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/stage/file_descriptor.h"
#include "tests/support/stage/keeper/libvirt_daemon.h"
#include "tests/support/stage/keeper/private_host.h"

namespace bulkhead::stage {
namespace {

using Clock = std::chrono::steady_clock;

// Our children, by the kernel's own statement. What libvirtd leaves behind (QEMU, its helpers) becomes ours: we are its
// subreaper.
std::vector<pid_t> children() {
  std::vector<pid_t> found;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    std::ifstream stat(entry.path() / "stat");
    std::string text;
    if (!std::getline(stat, text)) continue;
    // "pid (name) state ppid …"; the name may hold anything, even parentheses.
    const size_t name_end = text.rfind(')');
    int parent = 0;
    char state = 0;
    if (name_end == std::string::npos || std::sscanf(text.c_str() + name_end + 1, " %c %d", &state, &parent) != 2)
      continue;
    if (parent == getpid()) found.push_back(std::atoi(text.c_str()));
  }
  return found;
}

// libvirtd's end is for LibvirtDaemon to take note of.
void reap_all_but(pid_t daemon) {
  for (const pid_t child : children())
    if (child != daemon) waitpid(child, nullptr, WNOHANG);
}

// Ends all that descends from us. False when something would not die.
bool end_descendants() {
  constexpr auto kPatience = std::chrono::seconds(3), kLimit = std::chrono::seconds(15);
  const auto begin = Clock::now();
  while (true) {
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    const std::vector<pid_t> left = children();
    if (left.empty()) return true;
    const auto waited = Clock::now() - begin;
    if (waited > kLimit) return false;
    for (const pid_t child : left) kill(child, waited > kPatience ? SIGKILL : SIGTERM);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

absl::Status obey(LibvirtDaemon& daemon, const std::string& order) {
  if (order == "start-libvirtd") return daemon.start();
  if (order == "stop-libvirtd" || order == "kill-libvirtd") {
    if (daemon.pid() == 0) return absl::FailedPreconditionError("libvirtd does not run");
    order == "stop-libvirtd" ? daemon.stop() : daemon.kill();
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("unknown order '", order, "'"));
}

void answer(const absl::Status& status, const char* good) {
  std::cout << (status.ok() ? good : absl::StrCat("error ", status.message())) << std::endl;
}

// Until stdin ends or a signal asks us to end.
void serve(LibvirtDaemon& daemon, int signals) {
  std::string unread;
  while (true) {
    pollfd waited[] = {{STDIN_FILENO, POLLIN, 0}, {signals, POLLIN, 0}};
    if (poll(waited, 2, -1) < 0) continue;
    if (waited[1].revents != 0) {
      signalfd_siginfo info{};
      if (read(signals, &info, sizeof(info)) == sizeof(info) && info.ssi_signo != SIGCHLD) return;
      reap_all_but(daemon.pid());
    }
    if (waited[0].revents == 0) continue;
    char buffer[256];
    const ssize_t got = read(STDIN_FILENO, buffer, sizeof(buffer));
    if (got <= 0) return;
    unread.append(buffer, static_cast<size_t>(got));
    for (size_t end; (end = unread.find('\n')) != std::string::npos; unread.erase(0, end + 1))
      answer(obey(daemon, unread.substr(0, end)), "ok");
  }
}

// The state directory goes with all in it; somebody may still be writing there for a moment.
bool remove_state(const std::filesystem::path& state_dir) {
  for (int attempt = 0; attempt < 20; ++attempt) {
    std::error_code error;
    std::filesystem::remove_all(state_dir, error);
    if (!error && !std::filesystem::exists(state_dir)) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return false;
}

int keep(const std::filesystem::path& state_dir, bool hide_kvm, bool listen_tcp, bool sandbox) {
  // SIGTERM comes from the kernel when our parent dies.
  sigset_t handled;
  sigemptyset(&handled);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&handled, number);
  sigprocmask(SIG_BLOCK, &handled, nullptr);
  const FileDescriptor signals(signalfd(-1, &handled, SFD_CLOEXEC));
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  signal(SIGPIPE, SIG_IGN);

  PrivateHost host;
  LibvirtDaemon daemon(state_dir, listen_tcp, sandbox);
  auto status = host.enter(state_dir, hide_kvm);
  if (status.ok()) status = daemon.configure();
  if (status.ok()) status = daemon.start();
  answer(status, "ready");
  if (status.ok()) serve(daemon, signals.get());

  daemon.stop();
  const bool ended = end_descendants();
  host.leave();
  // A stage that did not come up leaves its logs for whoever asks why.
  const bool removed = !status.ok() || remove_state(state_dir);
  return status.ok() && ended && removed ? 0 : 1;
}

}  // namespace
}  // namespace bulkhead::stage

int main(int argc, char** argv) {
  const std::set<std::string> flags(argv + std::min(argc, 2), argv + argc);
  const bool hide_kvm = flags.contains("--hide-kvm"), listen_tcp = flags.contains("--listen-tcp"),
             no_sandbox = flags.contains("--no-sandbox");
  if (argc < 2 || flags.size() != std::size_t{hide_kvm} + std::size_t{listen_tcp} + std::size_t{no_sandbox}) {
    std::cerr << "usage: bulkhead-stage-keeper STATE_DIR [--hide-kvm] [--listen-tcp] [--no-sandbox]" << std::endl;
    return 2;
  }
  return bulkhead::stage::keep(argv[1], hide_kvm, listen_tcp, !no_sandbox);
}
