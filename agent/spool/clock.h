// The two clocks of an event, as one injectable function.
#pragma once

#include <cstdint>
#include <functional>

namespace bulkhead::spool {

struct Moment {
  std::int64_t wall_ns = 0;   // CLOCK_REALTIME since the epoch
  std::uint64_t boot_ns = 0;  // CLOCK_BOOTTIME
};

using Clock = std::function<Moment()>;

// The kernel's clocks.
Moment now();

}  // namespace bulkhead::spool
