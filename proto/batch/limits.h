// Limits on what either end of the ingest stream accepts. Everything beyond them is refused, whoever sent it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bulkhead::limits {

inline constexpr std::size_t kEventsPerBatch = 512;
inline constexpr std::size_t kBatchBytes = 1u << 20;
inline constexpr std::size_t kStringBytes = 4096;
inline constexpr std::size_t kHostIdBytes = 128;
inline constexpr std::size_t kLineage = 8;
// An inventory of 1,000 domains with four volumes and four ports each is about 600 KiB.
inline constexpr std::size_t kMessageBytes = 8u << 20;

}  // namespace bulkhead::limits
