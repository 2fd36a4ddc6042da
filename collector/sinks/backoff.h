// How long to wait before the next attempt.
#pragma once

#include <chrono>
#include <random>

namespace bulkhead::sinks {

struct Retry {
  // The first pause; each further one is twice as long, up to the longest.
  std::chrono::milliseconds first{1000};
  std::chrono::milliseconds longest{60000};
};

// Not thread safe.
class Backoff {
 public:
  explicit Backoff(Retry retry) : retry_(retry), random_(std::random_device{}()) {}

  // Between half of the pause and all of it, so that collectors do not come back to a peer all at once.
  std::chrono::milliseconds next();
  void reset() { failures_ = 0; }

 private:
  const Retry retry_;
  std::minstd_rand random_;
  unsigned failures_ = 0;
};

}  // namespace bulkhead::sinks
