#include "collector/detect/engine.h"

#include <utility>

#include "collector/detect/compiled_rules.h"

namespace bulkhead::detect {

Engine::Engine(std::shared_ptr<const RuleSet> rules) : rules_(std::move(rules)) {}

std::vector<Finding> Engine::evaluate(const v1::Event& event) const {
  const RuleSet::Compiled& compiled = rules_->compiled();
  std::vector<Finding> findings;
  for (const std::uint32_t i : compiled.by_kind[kind_index(event.payload_case())]) {
    const CompiledRule& rule = compiled.rules[i];
    if (!holds(compiled.program, rule.condition, event)) continue;
    const RuleInfo& info = rules_->rules()[rule.index];
    v1::Severity severity = info.reference.severity();
    for (const auto& [condition, priority] : rule.priority_if) {
      if (!holds(compiled.program, condition, event)) continue;
      severity = priority;
      break;
    }
    findings.push_back({&info, severity, render(rule.output, event)});
  }
  return findings;
}

}  // namespace bulkhead::detect
