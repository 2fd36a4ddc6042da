#include "collector/detect/engine.h"

#include <utility>

#include "collector/detect/compiled_rules.h"

namespace bulkhead::detect {

Engine::Engine(std::shared_ptr<const RuleSet> rules) : rules_(std::move(rules)) {}

std::optional<Finding> judge(const RuleSet& rules, const CompiledRule& rule, const v1::Event& event) {
  const Program& program = rules.compiled().program;
  if (!holds(program, rule.condition, event)) return std::nullopt;
  const RuleInfo& info = rules.rules()[rule.index];
  v1::Severity severity = info.reference.severity();
  for (const auto& [condition, priority] : rule.priority_if) {
    if (!holds(program, condition, event)) continue;
    severity = priority;
    break;
  }
  return Finding{&info, severity, render(rule.output, event), {}};
}

std::vector<Finding> Engine::evaluate(const v1::Event& event) const {
  std::vector<Finding> findings = evaluate_all(event);
  std::erase_if(findings, [](const Finding& finding) { return !finding.rule->alert; });
  return findings;
}

std::vector<Finding> Engine::evaluate_all(const v1::Event& event, RuleObserver* observer) const {
  const RuleSet::Compiled& compiled = rules_->compiled();
  std::vector<Finding> findings;
  if (observer != nullptr) observer->begin();
  for (const std::uint32_t i : compiled.by_kind[kind_index(event.payload_case())]) {
    if (auto finding = judge(*rules_, compiled.rules[i], event)) findings.push_back(*std::move(finding));
    if (observer != nullptr) observer->judged(rules_->rules()[compiled.rules[i].index]);
  }
  return findings;
}

}  // namespace bulkhead::detect
