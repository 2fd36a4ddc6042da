#include "collector/detect/rule_tests.h"

#include <fmt/format.h>

#include <optional>
#include <string_view>

#include "collector/detect/compiled_rules.h"
#include "collector/detect/correlator.h"

namespace bulkhead::detect {
namespace {

std::string_view name_of(v1::Severity severity) {
  constexpr std::string_view kPrefix = "SEVERITY_";
  return std::string_view(v1::Severity_Name(severity)).substr(kPrefix.size());
}

std::optional<v1::Severity> correlated(const std::shared_ptr<const RuleSet>& rules, const RuleTest& test) {
  const Engine engine(rules);
  CorrelatorOptions options;
  options.only = &rules->rules()[test.rule];
  Correlator correlator(rules, options);
  for (const v1::Event& event : test.events) {
    const auto findings = correlator.add(event, engine.evaluate_all(event));
    if (!findings.empty()) return findings.front().finding.severity;
  }
  return std::nullopt;
}

std::optional<v1::Severity> verdict(const RuleSet& rules, const RuleTest& test) {
  const auto finding = judge(rules, rules.compiled().rules[test.rule], test.events.front());
  if (!finding) return std::nullopt;
  return finding->severity;
}

std::string failure_of(const RuleTest& test, std::optional<v1::Severity> verdict) {
  if (!verdict) return test.fires ? "the rule does not fire, and should" : "";
  if (!test.fires) return fmt::format("the rule fires ({}), and should not", name_of(*verdict));
  if (!test.severity || *test.severity == *verdict) return "";
  return fmt::format("the rule fires with {}, and should with {}", name_of(*verdict), name_of(*test.severity));
}

}  // namespace

std::vector<RuleTestResult> run_rule_tests(const std::shared_ptr<const RuleSet>& rules) {
  std::vector<RuleTestResult> results;
  for (const RuleTest& test : rules->tests()) {
    results.push_back({&rules->rules()[test.rule], &test, ""});
    const bool correlation = rules->rules()[test.rule].correlation;
    results.back().failure = failure_of(test, correlation ? correlated(rules, test) : verdict(*rules, test));
  }
  return results;
}

}  // namespace bulkhead::detect
