#include "collector/detect/detector.h"

#include <utility>

namespace bulkhead::detect {

Detector::Detector(std::shared_ptr<const RuleSet> rules, CorrelatorOptions options)
    : engine_(rules), correlator_(std::move(rules), options) {}

std::vector<CorrelatedFinding> Detector::judge(const v1::Event& event, std::vector<Finding> base, bool correlate,
                                               RuleObserver* observer) {
  if (base.empty()) return {};
  std::vector<CorrelatedFinding> correlated;
  if (correlate) correlated = correlator_.add(event, base, observer);
  std::vector<CorrelatedFinding> findings;
  findings.reserve(base.size() + correlated.size());
  for (Finding& finding : base) {
    if (finding.rule->alert) findings.push_back({std::move(finding), nullptr});
  }
  for (CorrelatedFinding& finding : correlated) findings.push_back(std::move(finding));
  return findings;
}

}  // namespace bulkhead::detect
