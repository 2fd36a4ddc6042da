#include "agent/guard/canary.h"

#include <sched.h>

#include <array>
#include <thread>

namespace bulkhead::guard {

namespace {

// Those whose hooks some act reaches on every kernel that has them.
constexpr std::array kReached = {v1::PROBE_MEMORY_PROCESS_VM, v1::PROBE_MEMORY_PTRACE,  v1::PROBE_MEMORY_PROC_MEM,
                                 v1::PROBE_MEMORY_INSTRUMENT, v1::PROBE_DISK_FILE_OPEN, v1::PROBE_CONTROL_ENDPOINT};

// The next CPU of `allowed` from `first` on, beginning anew at its end.
std::optional<std::uint32_t> next_in(const cpu_set_t& allowed, std::uint32_t first) {
  for (std::uint32_t i = 0; i < CPU_SETSIZE; ++i) {
    const std::uint32_t cpu = (first + i) % CPU_SETSIZE;
    if (CPU_ISSET(cpu, &allowed)) return cpu;
  }
  return std::nullopt;
}

}  // namespace

bool Canary::begin_round() {
  seen_.clear();
  cpu_.reset();
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return false;
  const auto cpu = next_in(allowed, next_cpu_);
  if (!cpu) return false;
  next_cpu_ = *cpu + 1;
  bool pinned = false;
  // A thread of its own: the agent's main one stays where it may run.
  std::thread([&] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(*cpu, &one);
    pinned = sched_setaffinity(0, sizeof(one), &one) == 0;
    if (pinned) acts_->commit();
  }).join();
  if (pinned) cpu_ = cpu;
  return pinned;
}

void Canary::take(const decode::CanaryRecord& record) {
  if (cpu_ == record.cpu) seen_.emplace(record.hook_probe, record.act);
}

std::vector<LostCanary> Canary::end_round(const std::set<v1::Probe>& attached) {
  std::vector<LostCanary> lost;
  if (!cpu_) return lost;
  if (!expected_) {
    for (const v1::Probe probe : kReached) {
      const auto first = seen_.lower_bound({probe, ""});
      const bool told = first != seen_.end() && first->first == probe;
      if (!told && attached.contains(probe)) lost.push_back({probe, *cpu_, "any"});
    }
    // A round that showed nothing of some probe is no measure for the others.
    if (lost.empty()) expected_ = seen_;
  } else {
    for (const auto& [probe, act] : *expected_) {
      if (!seen_.contains({probe, act}) && attached.contains(probe)) lost.push_back({probe, *cpu_, act});
    }
  }
  cpu_.reset();
  return lost;
}

}  // namespace bulkhead::guard
