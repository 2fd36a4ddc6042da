// All rules: those that judge events one by one, and those that correlate them.
#pragma once

#include <memory>
#include <vector>

#include "bulkhead/v1/event.pb.h"
#include "collector/detect/correlator.h"
#include "collector/detect/engine.h"

namespace bulkhead::detect {

// Not thread safe. Pure: the same events and rules give the same findings.
class Detector {
 public:
  explicit Detector(std::shared_ptr<const RuleSet> rules, CorrelatorOptions options = {});

  // What single-event rules find, also those that do not alert.
  std::vector<Finding> base(const v1::Event& event, RuleObserver* observer = nullptr) const {
    return engine_.evaluate_all(event, observer);
  }

  // Findings of rules that alert, then those of correlations; without `correlate`, of an event that adds up to nothing,
  // the former alone.
  std::vector<CorrelatedFinding> judge(const v1::Event& event, std::vector<Finding> base, bool correlate = true,
                                       RuleObserver* observer = nullptr);
  std::vector<CorrelatedFinding> judge(const v1::Event& event) { return judge(event, base(event)); }

  const RuleSet& rules() const { return engine_.rules(); }
  const Correlator& correlator() const { return correlator_; }

 private:
  Engine engine_;
  Correlator correlator_;
};

}  // namespace bulkhead::detect
