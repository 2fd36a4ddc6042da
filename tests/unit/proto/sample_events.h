// Events as a busy host makes them, for tests of what carries them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bulkhead/v1/event.pb.h"

namespace bulkhead::test {

inline constexpr char kSampleHost[] = "6f1d3c0be9a24b0f8d4f5c5c1f0f9a77";
inline constexpr char kSampleBoot[] = "3e5b0b0e-6f0c-4a55-9a3b-7d7f2b8f9c01";

// Number `sequence` of an endless sequence: the payload kinds in turn, 40 actors with two to four ancestors, 60
// objects, times a few milliseconds apart. The same every time.
v1::Event sample_event(std::uint64_t sequence);

// `count` of them from `first_sequence` on.
std::vector<v1::Event> sample_events(std::size_t count, std::uint64_t first_sequence = 1);

// The parts, for batches of one kind.
v1::Event sample_delivery(std::uint64_t sequence);
v1::Event sample_file_open(std::uint64_t sequence);
v1::Event sample_memory_access(std::uint64_t sequence);
v1::Event sample_tenant_change(std::uint64_t sequence);
v1::Event sample_loss(std::uint64_t sequence);

}  // namespace bulkhead::test
