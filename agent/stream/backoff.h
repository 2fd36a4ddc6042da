// How long to wait before the next attempt.
#pragma once

#include <algorithm>
#include <chrono>
#include <random>

namespace bulkhead::stream {

// Doubles from the first to the last. Each wait is between half of that and all of it, so that a fleet whose collector
// restarts does not come back as one. Not thread safe.
class Backoff {
 public:
  Backoff(std::chrono::milliseconds first, std::chrono::milliseconds last, unsigned seed = std::random_device{}())
      : first_(first), last_(last), next_(first), random_(seed) {}

  std::chrono::milliseconds next() {
    const auto longest = next_.count();
    next_ = std::min(next_ * 2, last_);
    return std::chrono::milliseconds(std::uniform_int_distribution<long long>(longest / 2, longest)(random_));
  }

  void reset() { next_ = first_; }

 private:
  const std::chrono::milliseconds first_;
  const std::chrono::milliseconds last_;
  std::chrono::milliseconds next_;
  std::mt19937 random_;
};

}  // namespace bulkhead::stream
