// A process that this one started and that does not outlive it: the kernel kills it when the thread that started it
// ends.
//
// Starting one makes this process ignore SIGPIPE. Not thread-safe. Only processes started here are ever signalled, by
// pid.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/support/stage/file_descriptor.h"

namespace bulkhead::stage {

using Milliseconds = std::chrono::milliseconds;

struct Command {
  // The program (with a path, or looked up in PATH) and its arguments.
  std::vector<std::string> words;
  // The child's stderr is appended to this file; empty: it is ours.
  std::string stderr_file;
  // Descriptors of namespaces (/proc/<pid>/ns/…) that the child enters, in this order.
  std::vector<int> namespaces;
};

class ChildProcess {
 public:
  // kNotFound when there is no such program.
  static absl::StatusOr<ChildProcess> start(const Command& command);

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  // Kills the process if it still runs, and waits for its end.
  ~ChildProcess();

  pid_t pid() const { return pid_; }
  const std::string& name() const { return name_; }

  absl::Status write_line(const std::string& line);
  void close_stdin() { stdin_.reset(); }
  // The next line of its stdout, without the newline. kDeadlineExceeded: none yet; kOutOfRange: stdout has ended.
  absl::StatusOr<std::string> read_line(Milliseconds timeout);

  // Its exit status, or 128 and the signal's number. kDeadlineExceeded when it still runs.
  absl::StatusOr<int> wait(Milliseconds timeout);
  bool running() const { return pid_ > 0 && !ended_; }
  void signal(int number);
  // SIGTERM, and SIGKILL when it has not ended after `grace`. The exit status as wait() has it.
  int stop(Milliseconds grace);

 private:
  ChildProcess() = default;

  std::string name_;
  pid_t pid_ = -1;
  bool ended_ = false;
  int exit_status_ = 0;
  FileDescriptor handle_;  // pidfd
  FileDescriptor stdin_;
  FileDescriptor stdout_;
  std::string unread_;
};

struct Outcome {
  int exit_status = 0;
  std::string output;  // stdout
};

// Runs a command to its end; past the timeout it is killed and the answer is kDeadlineExceeded.
absl::StatusOr<Outcome> run(const Command& command, Milliseconds timeout);

// The same, where any exit status but 0 is an error that quotes the output.
absl::Status run_checked(const Command& command, Milliseconds timeout);

// Directory of the running program: the build's bin directory for all of ours. Ends with no slash.
std::string program_directory();

}  // namespace bulkhead::stage
