// Ctrl-C for everything that waits: a program's signal handler calls interrupt(), and each wait for a child's output, a
// guest's answer or the agent ends with kCancelled within a moment. Waits for the end of a process go on: cleaning up
// needs them.
#pragma once

#include <csignal>

namespace bulkhead::stage {

inline volatile std::sig_atomic_t interrupt_flag = 0;

// May be called from a signal handler.
inline void interrupt() {
  interrupt_flag = 1;
}
inline bool interrupted() {
  return interrupt_flag != 0;
}

}  // namespace bulkhead::stage
