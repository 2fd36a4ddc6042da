#include "collector/sinks/backoff.h"

#include <algorithm>

namespace bulkhead::sinks {

std::chrono::milliseconds Backoff::next() {
  constexpr unsigned kDoublings = 30;
  const auto doubled = retry_.first * (std::int64_t{1} << std::min(failures_, kDoublings));
  const auto pause = std::min<std::chrono::milliseconds>(doubled, retry_.longest);
  ++failures_;
  std::uniform_int_distribution<std::int64_t> jittered(pause.count() / 2, pause.count());
  return std::chrono::milliseconds(jittered(random_));
}

}  // namespace bulkhead::sinks
