// What was sent, what is on its way and what comes next, for one session with a collector.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/spool/spool.h"
#include "bulkhead/v1/ingest.pb.h"

namespace bulkhead::stream {

// Thread safe: next() is for the thread that writes, the others for the one that reads. An error ends the session; it
// says what the collector did that it must not do, or what the disk said.
class Progress {
 public:
  struct Window {
    std::size_t batches;
    std::size_t bytes;
  };
  // Of Hello.spooled_boot_ids.
  static constexpr std::size_t kEarlierBoots = 64;

  // `spool` must outlive it.
  Progress(spool::Spool& spool, Window window);

  // Earlier boots that this session deals with, oldest first.
  std::vector<std::string> earlier_boots() const;

  absl::Status begin(const v1::Welcome& welcome);
  absl::Status acknowledge(const v1::Ack& ack);
  absl::Status rewind(const v1::Rewind& rewind);

  // The next batch or gap, already counted as sent. Nothing when the window is full or all is sent.
  absl::StatusOr<std::optional<v1::AgentMessage>> next();

  // Nothing more will come in this session, and all of it is acknowledged: there were more boots than one Hello names.
  bool finished() const;
  // Something was acknowledged in this session.
  bool advanced() const;
  // When the oldest batch on its way was sent, or when the last acknowledgement came, whichever is later.
  std::optional<std::chrono::steady_clock::time_point> waiting_since() const;

 private:
  struct Boot {
    std::string id;
    std::uint64_t next = 1;
    std::uint64_t sent_through = 0;
    std::uint64_t acknowledged_through = 0;
    // The last Rewind since an acknowledgement.
    std::uint64_t rewound_to = 0;
  };
  struct Sent {
    std::size_t boot;
    std::uint64_t through;
    std::size_t bytes;
  };
  absl::StatusOr<std::size_t> find(const std::string& boot_id, const char* message) const;
  void forget_sent(std::size_t boot, std::uint64_t from, std::uint64_t through);

  spool::Spool& spool_;
  const Window window_;

  mutable std::mutex mutex_;
  std::vector<Boot> boots_;
  // There are boots beyond these.
  bool cut_short_ = false;
  std::size_t sending_ = 0;
  bool at_end_ = false;
  std::deque<Sent> sent_;
  std::size_t sent_bytes_ = 0;
  unsigned rewinds_ = 0;
  bool advanced_ = false;
  std::chrono::steady_clock::time_point last_change_;
};

}  // namespace bulkhead::stream
