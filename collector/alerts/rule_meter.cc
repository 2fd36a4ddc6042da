#include "collector/alerts/rule_meter.h"

namespace bulkhead::alerts {

namespace {

// Taking the time of a rule costs about as much as judging by it. A prime, so that no pattern in the events hides one
// kind of them.
constexpr std::uint64_t kTimedEvery = 61;

}  // namespace

void RuleMeter::set_rules(const detect::RuleSet& rules) {
  for (const detect::RuleInfo& rule : rules.rules()) {
    if (rule.enabled) of(rule.reference.id());
  }
}

detect::RuleObserver* RuleMeter::observe_next() {
  return events_++ % kTimedEvery == 0 ? this : nullptr;
}

void RuleMeter::begin() {
  began_ = Clock::now();
}

void RuleMeter::judged(const detect::RuleInfo& rule) {
  const auto now = Clock::now();
  RuleStatistics& statistics = of(rule.reference.id());
  ++statistics.sampled_evaluations;
  statistics.sampled_ns += static_cast<std::uint64_t>((now - began_) / std::chrono::nanoseconds(1));
  began_ = Clock::now();
}

std::vector<RuleStatistics> RuleMeter::statistics() const {
  std::vector<RuleStatistics> statistics;
  statistics.reserve(rules_.size());
  for (const auto& [id, rule] : rules_) statistics.push_back(rule);
  return statistics;
}

RuleStatistics& RuleMeter::of(const std::string& rule) {
  RuleStatistics& statistics = rules_[rule];
  if (statistics.id.empty()) statistics.id = rule;
  return statistics;
}

}  // namespace bulkhead::alerts
