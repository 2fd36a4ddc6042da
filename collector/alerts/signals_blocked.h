#pragma once

#include <pthread.h>
#include <signal.h>

namespace bulkhead::alerts {

// Threads that start meanwhile get no signals: these are for the main thread, and a closed pipe is an error for the
// sink, not the end of the process.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace bulkhead::alerts
