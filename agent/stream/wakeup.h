// One thread sleeps until another one has something for it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace bulkhead::stream {

// signal() takes no other lock and may be called from anywhere. A signal that nobody waits for is kept.
class Wakeup {
 public:
  void signal() {
    {
      const std::lock_guard lock(mutex_);
      signalled_ = true;
    }
    condition_.notify_one();
  }

  // Returns at once after a signal, else at the deadline.
  void wait_until(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    condition_.wait_until(lock, deadline, [this] { return signalled_; });
    signalled_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable condition_;
  bool signalled_ = false;
};

}  // namespace bulkhead::stream
