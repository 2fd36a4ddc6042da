// What was dropped and not stated yet.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "agent/spool/loss.h"

namespace bulkhead::spool {

// Not thread safe.
class LossLedger {
 public:
  // A dropped statement of a loss is no loss of its own: what it stated is stated later. True when the event counts as
  // dropped.
  bool drop(const v1::Event& event, const Moment& now) {
    if (event.has_loss()) {
      add(event.loss().probe(), event.loss().place(), event.loss().count(), event.loss().window_start_ns());
      return false;
    }
    add(event.probe(), v1::Loss::PLACE_SPOOL, 1, now.boot_ns);
    return true;
  }

  // Window start: CLOCK_BOOTTIME of the first of them.
  void add(v1::Probe probe, v1::Loss::Place place, std::uint64_t count, std::uint64_t window_start_ns) {
    const auto [entry, is_new] = pending_.try_emplace({probe, place}, Pending{.window_start_ns = window_start_ns});
    entry->second.count += count;
    entry->second.window_start_ns = std::min(entry->second.window_start_ns, window_start_ns);
  }

  bool empty() const { return pending_.empty(); }

  // Takes everything out: what cannot be stored has to be given to drop() again.
  std::vector<v1::Event> take(const Moment& now) {
    std::vector<v1::Event> events;
    for (const auto& [lost, pending] : pending_) {
      events.push_back(loss_event(lost.first, pending.count, lost.second, pending.window_start_ns, now));
    }
    pending_.clear();
    return events;
  }

 private:
  struct Pending {
    std::uint64_t count = 0;
    std::uint64_t window_start_ns = 0;
  };
  std::map<std::pair<v1::Probe, v1::Loss::Place>, Pending> pending_;
};

}  // namespace bulkhead::spool
