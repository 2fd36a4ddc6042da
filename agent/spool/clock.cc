#include "agent/spool/clock.h"

#include <ctime>

namespace bulkhead::spool {
namespace {

std::int64_t read_clock(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

Moment now() {
  return {.wall_ns = read_clock(CLOCK_REALTIME), .boot_ns = static_cast<std::uint64_t>(read_clock(CLOCK_BOOTTIME))};
}

}  // namespace bulkhead::spool
