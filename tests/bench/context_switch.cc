#include "tests/bench/context_switch.h"

#include <fcntl.h>
#include <unistd.h>

#include "tests/bench/hooked_acts.h"

namespace bulkhead::bench {

namespace {

std::array<stage::FileDescriptor, 2> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) fail("pipe2");
  return {stage::FileDescriptor(ends[0]), stage::FileDescriptor(ends[1])};
}

}  // namespace

Pinned::Pinned(bool wanted) : wanted_(wanted) {
  if (!wanted_) return;
  sched_getaffinity(0, sizeof before_, &before_);
  cpu_set_t first;
  CPU_ZERO(&first);
  CPU_SET(0, &first);
  if (sched_setaffinity(0, sizeof first, &first) != 0) fail("sched_setaffinity");
}

Pinned::~Pinned() {
  if (wanted_) sched_setaffinity(0, sizeof before_, &before_);
}

Partner::Partner() : question_(make_pipe()), answer_(make_pipe()) {
  thread_ = std::thread([this] {
    const Pinned pinned;
    char byte = 0;
    while (read(question_[0].get(), &byte, 1) == 1 && write(answer_[1].get(), &byte, 1) == 1) {
    }
  });
}

Partner::~Partner() {
  question_[1].reset();
  thread_.join();
}

void Partner::ask() const {
  char byte = 0;
  if (write(question_[1].get(), &byte, 1) != 1 || read(answer_[0].get(), &byte, 1) != 1) fail("a pipe");
}

}  // namespace bulkhead::bench
