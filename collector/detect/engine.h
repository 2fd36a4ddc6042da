// Judges one event at a time: pure, so the same rules and event give the same findings, live or replayed.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bulkhead/v1/alert.pb.h"
#include "bulkhead/v1/event.pb.h"
#include "collector/detect/rule_set.h"

namespace bulkhead::detect {

// One rule's verdict on one event.
struct Finding {
  // Lives as long as the rule set.
  const RuleInfo* rule = nullptr;
  // The rule's priority, or that of the first `priority_if` that holds.
  v1::Severity severity = v1::SEVERITY_UNKNOWN;
  // The rule's output for this event: one line of valid UTF-8 without control characters, at most 2,048 bytes.
  std::string message;
  // What a correlation grouped by, field and value, in valid UTF-8; empty for a rule that judges single events.
  std::vector<std::pair<std::string, std::string>> group = {};
};

// For who measures: there is no clock here. Called on the evaluating thread.
class RuleObserver {
 public:
  virtual ~RuleObserver() = default;
  // Rules begin to judge an event.
  virtual void begin() = 0;
  // One has, since begin() or since the one before.
  virtual void judged(const RuleInfo& rule) = 0;
};

// Thread safe: evaluation changes nothing.
class Engine {
 public:
  explicit Engine(std::shared_ptr<const RuleSet> rules);

  // Every enabled rule that matches and alerts, in the order of RuleSet::rules().
  std::vector<Finding> evaluate(const v1::Event& event) const;
  // Those that do not alert as well.
  std::vector<Finding> evaluate_all(const v1::Event& event, RuleObserver* observer = nullptr) const;

  const RuleSet& rules() const { return *rules_; }

 private:
  std::shared_ptr<const RuleSet> rules_;
};

}  // namespace bulkhead::detect
