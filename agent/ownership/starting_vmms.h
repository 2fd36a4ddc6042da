// VMMs between their exec, which the kernel reports, and the moment when their domain is known. Until then they equal
// no tenant in the kernel, and records about them wait here for a name.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "agent/probes/ownership_maps.h"

namespace bulkhead::ownership {

// What became of one.
struct StartOutcome {
  enum class Kind { kPending, kVmm, kNoVmm };
  Kind kind = Kind::kPending;
  probes::Owner owner;  // for kVmm
};

// Belongs to one thread.
class StartingVmms {
 public:
  using Clock = std::chrono::steady_clock;
  // Asks who a process is: nothing while that is not known yet.
  using Identify = std::function<std::optional<StartOutcome>(std::uint32_t pid)>;

  void begin(const probes::ProcessKey& process, Clock::time_point now);

  // The process is known from elsewhere (a snapshot), or gone.
  void settle(const probes::ProcessKey& process, StartOutcome outcome);

  // Asks about each that is pending and settles it; one that nobody can name within kPatience is no VMM. Calls
  // `on_settled` for each that this settles.
  void poll(Clock::time_point now, const Identify& identify,
            const std::function<void(const probes::ProcessKey&, const StartOutcome&)>& on_settled);

  // kPending for a process that is starting; nothing for one that never was.
  std::optional<StartOutcome> outcome(const probes::ProcessKey& process) const;
  // Likewise of the process of that number that started last: children know the starting VMM that they descend from by
  // its number.
  std::optional<StartOutcome> outcome(std::uint32_t tgid) const;

  bool waiting() const { return !pending_.empty(); }

 private:
  static constexpr std::chrono::seconds kPatience{5};
  static constexpr std::size_t kOutcomesKept = 4096;

  std::map<probes::ProcessKey, Clock::time_point> pending_;
  std::map<probes::ProcessKey, StartOutcome> settled_;
};

}  // namespace bulkhead::ownership
