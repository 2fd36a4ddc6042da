// Does what the agent does to itself come out of every CPU's ring, through every hook that it can reach? SENS-01.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/decode/records.h"
#include "agent/guard/canary_acts.h"

namespace bulkhead::guard {

struct LostCanary {
  v1::Probe probe = v1::PROBE_UNSPECIFIED;
  std::uint32_t cpu = 0;
  std::string act;  // such as "openat"; for people
};

// Belongs to one thread.
//
// One round is one CPU: acts, and then, once their records had time to come, the question which are missing. What the
// first round showed is what all others are held against, since kernels differ in which acts reach which hook; of the
// first itself it is asked that each probe that is attached told at least one.
class Canary {
 public:
  explicit Canary(std::unique_ptr<CanaryActs> acts) : acts_(std::move(acts)) {}

  // Commits the acts on the next of the CPUs that this process may run on, in turn. False when that CPU cannot be had
  // (it went offline): there is no round then.
  bool begin_round();
  void take(const decode::CanaryRecord& record);
  // Those that did not come. `attached` are the probes that claim to be attached.
  std::vector<LostCanary> end_round(const std::set<v1::Probe>& attached);
  // The CPU of the last round that began.
  std::uint32_t last_cpu() const { return next_cpu_ - 1; }

 private:
  using Seen = std::set<std::pair<v1::Probe, std::string>>;  // probe and act

  std::unique_ptr<CanaryActs> acts_;
  std::optional<std::uint32_t> cpu_;  // of the round that runs
  std::uint32_t next_cpu_ = 0;
  Seen seen_;
  std::optional<Seen> expected_;
};

}  // namespace bulkhead::guard
