// What each rule finds and costs.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "collector/detect/engine.h"

namespace bulkhead::alerts {

struct RuleStatistics {
  std::string id;
  // Authorised ones too.
  std::uint64_t findings = 0;
  std::uint64_t alerts_opened = 0;
  // Of some events the time of each rule is taken: how often, and how long all of these took.
  std::uint64_t sampled_evaluations = 0;
  std::uint64_t sampled_ns = 0;
};

// Not thread safe.
class RuleMeter : public detect::RuleObserver {
 public:
  // Rules that are enabled are told of from the start; what was counted before stays.
  void set_rules(const detect::RuleSet& rules);

  // For one event: itself when this one is to be timed, else null.
  detect::RuleObserver* observe_next();
  void begin() override;
  void judged(const detect::RuleInfo& rule) override;

  void found(const std::string& rule) { ++of(rule).findings; }
  void opened(const std::string& rule) { ++of(rule).alerts_opened; }

  // By id.
  std::vector<RuleStatistics> statistics() const;

 private:
  using Clock = std::chrono::steady_clock;

  RuleStatistics& of(const std::string& rule);

  std::map<std::string, RuleStatistics> rules_;
  std::uint64_t events_ = 0;
  Clock::time_point began_;
};

}  // namespace bulkhead::alerts
