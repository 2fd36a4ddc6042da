#include "tests/support/stage/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/support/stage/interrupt.h"

namespace bulkhead::stage {
namespace {

using Clock = std::chrono::steady_clock;

// How long an interrupt may go unnoticed.
constexpr Milliseconds kInterruptInterval(100);

int remaining_ms(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<Milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::max<int64_t>(left, 0));
}

// True when the descriptor can be read (or has ended).
bool readable(int descriptor, Clock::time_point deadline) {
  while (true) {
    pollfd waited{descriptor, POLLIN, 0};
    const int ready = poll(&waited, 1, remaining_ms(deadline));
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

struct Pipe {
  FileDescriptor reader;
  FileDescriptor writer;
};

absl::StatusOr<Pipe> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "pipe");
  return Pipe{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

struct Plan {
  std::vector<char*> words;
  int stdin_end;
  int stdout_end;
  int stderr_end;
  int report_end;
  pid_t parent;
  const std::vector<int>* namespaces;
};

[[noreturn]] void report_and_exit(int report_end) {
  const int error = errno;
  [[maybe_unused]] const ssize_t written = write(report_end, &error, sizeof(error));
  _exit(127);
}

// In the child between fork and exec: only async-signal-safe calls, the parent may have had threads.
[[noreturn]] void become(const Plan& plan) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != plan.parent) _exit(127);
  // Ctrl-C on the terminal is for us; we stop our children in their order.
  setsid();
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  for (const int name_space : *plan.namespaces)
    if (setns(name_space, 0) != 0) report_and_exit(plan.report_end);
  dup2(plan.stdin_end, STDIN_FILENO);
  dup2(plan.stdout_end, STDOUT_FILENO);
  if (plan.stderr_end >= 0) dup2(plan.stderr_end, STDERR_FILENO);
  execvp(plan.words[0], plan.words.data());
  report_and_exit(plan.report_end);
}

}  // namespace

absl::StatusOr<ChildProcess> ChildProcess::start(const Command& command) {
  // A child that ends before it reads is an error of write_line(), not our death.
  ::signal(SIGPIPE, SIG_IGN);
  auto input = make_pipe();
  auto output = make_pipe();
  auto report = make_pipe();
  if (!input.ok() || !output.ok() || !report.ok()) return absl::ResourceExhaustedError("no pipes left");
  // Room for what a talkative child says while nobody reads.
  fcntl(output->reader.get(), F_SETPIPE_SZ, 1 << 20);

  FileDescriptor errors;
  if (!command.stderr_file.empty()) {
    errors = FileDescriptor(open(command.stderr_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!errors.valid()) return absl::ErrnoToStatus(errno, command.stderr_file);
  }

  Plan plan{{},       input->reader.get(), output->writer.get(), errors.get(), report->writer.get(),
            getpid(), &command.namespaces};
  for (const std::string& word : command.words) plan.words.push_back(const_cast<char*>(word.c_str()));
  plan.words.push_back(nullptr);

  ChildProcess child;
  child.name_ = std::filesystem::path(command.words[0]).filename();
  child.pid_ = fork();
  if (child.pid_ < 0) return absl::ErrnoToStatus(errno, "fork");
  if (child.pid_ == 0) become(plan);
  child.handle_ = FileDescriptor(static_cast<int>(syscall(SYS_pidfd_open, child.pid_, 0)));
  child.stdin_ = std::move(input->writer);
  child.stdout_ = std::move(output->reader);

  // The report pipe closes at exec; what comes through it is why there was none.
  report->writer.reset();
  int error = 0;
  if (read(report->reader.get(), &error, sizeof(error)) != sizeof(error)) return child;
  const std::string what = absl::StrCat("cannot start ", command.words[0], ": ", std::strerror(error));
  return error == ENOENT ? absl::NotFoundError(what) : absl::FailedPreconditionError(what);
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept {
  *this = std::move(other);
}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  std::swap(name_, other.name_);
  std::swap(pid_, other.pid_);
  std::swap(ended_, other.ended_);
  std::swap(exit_status_, other.exit_status_);
  std::swap(handle_, other.handle_);
  std::swap(stdin_, other.stdin_);
  std::swap(stdout_, other.stdout_);
  std::swap(unread_, other.unread_);
  return *this;
}

ChildProcess::~ChildProcess() {
  if (!running()) return;
  signal(SIGKILL);
  waitpid(pid_, nullptr, 0);
}

absl::Status ChildProcess::write_line(const std::string& line) {
  const std::string text = absl::StrCat(line, "\n");
  size_t written = 0;
  while (written < text.size()) {
    const ssize_t more = write(stdin_.get(), text.data() + written, text.size() - written);
    if (more < 0 && errno == EINTR) continue;
    if (more < 0) return absl::ErrnoToStatus(errno, absl::StrCat("writing to ", name_));
    written += static_cast<size_t>(more);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ChildProcess::read_line(Milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  while (true) {
    if (const size_t end = unread_.find('\n'); end != std::string::npos) {
      std::string line = unread_.substr(0, end);
      unread_.erase(0, end + 1);
      return line;
    }
    if (interrupted()) return absl::CancelledError("interrupted");
    if (!readable(stdout_.get(), std::min(deadline, Clock::now() + kInterruptInterval))) {
      if (Clock::now() < deadline) continue;
      return absl::DeadlineExceededError(absl::StrCat(name_, " printed no line"));
    }
    std::array<char, 65536> buffer;
    const ssize_t got = ::read(stdout_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 && !unread_.empty()) return std::exchange(unread_, {});
    if (got <= 0) return absl::OutOfRangeError(absl::StrCat(name_, " closed its stdout"));
    unread_.append(buffer.data(), static_cast<size_t>(got));
  }
}

absl::StatusOr<int> ChildProcess::wait(Milliseconds timeout) {
  if (ended_) return exit_status_;
  if (!readable(handle_.get(), Clock::now() + timeout))
    return absl::DeadlineExceededError(absl::StrCat(name_, " still runs"));
  int status = 0;
  if (waitpid(pid_, &status, 0) != pid_) return absl::ErrnoToStatus(errno, absl::StrCat("waiting for ", name_));
  ended_ = true;
  exit_status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return exit_status_;
}

void ChildProcess::signal(int number) {
  // By pidfd: never another process that was given the same pid since.
  if (running()) syscall(SYS_pidfd_send_signal, handle_.get(), number, nullptr, 0);
}

int ChildProcess::stop(Milliseconds grace) {
  signal(SIGTERM);
  if (const auto status = wait(grace); status.ok()) return *status;
  signal(SIGKILL);
  const auto status = wait(Milliseconds(10'000));
  return status.ok() ? *status : 128 + SIGKILL;
}

absl::StatusOr<Outcome> run(const Command& command, Milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  auto child = ChildProcess::start(command);
  if (!child.ok()) return child.status();
  child->close_stdin();
  Outcome outcome;
  while (true) {
    const auto line = child->read_line(Milliseconds(remaining_ms(deadline)));
    if (absl::IsOutOfRange(line.status())) break;
    if (!line.ok()) return line.status();
    absl::StrAppend(&outcome.output, *line, "\n");
  }
  const auto status = child->wait(Milliseconds(remaining_ms(deadline)));
  if (!status.ok()) return status.status();
  outcome.exit_status = *status;
  return outcome;
}

absl::Status run_checked(const Command& command, Milliseconds timeout) {
  const auto outcome = run(command, timeout);
  if (!outcome.ok()) return outcome.status();
  if (outcome->exit_status == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("'", absl::StrJoin(command.words, " "), "' ended with status ",
                                                    outcome->exit_status, ": ", outcome->output));
}

std::string program_directory() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

}  // namespace bulkhead::stage
