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
// Host id of the events that the collector itself makes; no host can have it.
inline constexpr char kCollectorHost[] = "collector";
// An event refers to at most 32 strings, one actor and one object.
inline constexpr std::size_t kStringsPerBatch = kEventsPerBatch * 32 + 1;
// Of the flat events that one batch unpacks to: a small batch must not stand for gigabytes.
inline constexpr std::size_t kUnpackedBytes = 8u << 20;
// A grant names at most a few hundred domains.
inline constexpr std::size_t kGrantChangeBytes = 64u << 10;
// A shared volume names at most 16 domains and their sources.
inline constexpr std::size_t kSharedVolumeBytes = 128u << 10;
// An inventory of 1,000 domains with four volumes and four ports each is about 600 KiB.
inline constexpr std::size_t kMessageBytes = 8u << 20;

// The agent pings this often on an idle connection. The collector has to permit it (gRPC's server default is 300 s:
// GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS), or it ends the connection for "too many pings".
inline constexpr int kKeepaliveMilliseconds = 10'000;

}  // namespace bulkhead::limits
