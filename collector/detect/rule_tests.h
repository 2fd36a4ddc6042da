// Runs the tests that are written in rule files: pure, so that everyone who has the files gets the same answers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "collector/detect/rule_set.h"

namespace bulkhead::detect {

struct RuleTestResult {
  // Both live as long as the rule set.
  const RuleInfo* rule = nullptr;
  const RuleTest* test = nullptr;
  // One line; empty when the test passed.
  std::string failure;
};

// In the order of RuleSet::tests(). A rule's test asks that rule alone, also when it is not enabled; a
// correlation's gives its events, in the order in which they are written, to the rules that are enabled.
std::vector<RuleTestResult> run_rule_tests(const std::shared_ptr<const RuleSet>& rules);

}  // namespace bulkhead::detect
