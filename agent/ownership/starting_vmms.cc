#include "agent/ownership/starting_vmms.h"

namespace bulkhead::ownership {

void StartingVmms::begin(const probes::ProcessKey& process, Clock::time_point now) {
  // An exec again by a process that is known already changes nothing: the pid and its start are the same.
  if (!settled_.contains(process)) pending_.try_emplace(process, now + kPatience);
}

void StartingVmms::settle(const probes::ProcessKey& process, StartOutcome outcome) {
  pending_.erase(process);
  settled_.insert_or_assign(process, outcome);
  if (settled_.size() > kOutcomesKept) {
    // The one that started first is the one whose records came out of the rings longest ago.
    auto oldest = settled_.begin();
    for (auto one = settled_.begin(); one != settled_.end(); ++one) {
      if (one->first.start_ns < oldest->first.start_ns) oldest = one;
    }
    settled_.erase(oldest);
  }
}

void StartingVmms::poll(Clock::time_point now, const Identify& identify,
                        const std::function<void(const probes::ProcessKey&, const StartOutcome&)>& on_settled) {
  for (auto one = pending_.begin(); one != pending_.end();) {
    const auto [process, deadline] = *one++;
    std::optional<StartOutcome> outcome = identify(process.tgid);
    if (!outcome && now < deadline) continue;
    if (!outcome) outcome = StartOutcome{StartOutcome::Kind::kNoVmm, {}};
    settle(process, *outcome);
    on_settled(process, *outcome);
  }
}

std::optional<StartOutcome> StartingVmms::outcome(const probes::ProcessKey& process) const {
  const auto settled = settled_.find(process);
  if (settled != settled_.end()) return settled->second;
  if (pending_.contains(process)) return StartOutcome{};
  return std::nullopt;
}

std::optional<StartOutcome> StartingVmms::outcome(std::uint32_t tgid) const {
  probes::ProcessKey last = {tgid, 0};
  const auto look = [&](const auto& processes) {
    for (auto one = processes.lower_bound(last); one != processes.end() && one->first.tgid == tgid; ++one) {
      last = one->first;
    }
  };
  look(settled_);
  look(pending_);
  return outcome(last);
}

}  // namespace bulkhead::ownership
