// Two threads that take turns on one CPU.
#pragma once

#include <sched.h>

#include <array>
#include <thread>

#include "tests/support/stage/file_descriptor.h"

namespace bulkhead::bench {

// This thread stays on CPU 0 while it lives, if that is wanted.
class Pinned {
 public:
  explicit Pinned(bool wanted = true);
  ~Pinned();
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;

 private:
  const bool wanted_;
  cpu_set_t before_{};
};

// A thread on CPU 0 that answers: for who asks there, each question and its answer are two context switches.
class Partner {
 public:
  Partner();
  ~Partner();
  Partner(const Partner&) = delete;
  Partner& operator=(const Partner&) = delete;

  void ask() const;

 private:
  // The end that is read, the end that is written.
  std::array<stage::FileDescriptor, 2> question_, answer_;
  std::thread thread_;
};

}  // namespace bulkhead::bench
