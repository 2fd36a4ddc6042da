// Processes that descend from a process, from /proc: for those that were there before the kernel side was told.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bulkhead::ownership {

// Thread group ids of all living descendants of `pid`, nearest first. Processes that come or go meanwhile may be missed
// or listed; the caller looks each up again.
std::vector<std::uint32_t> descendants_of(std::uint32_t pid, const std::string& proc_dir = "/proc");

}  // namespace bulkhead::ownership
