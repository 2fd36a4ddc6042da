// What the engine runs. Private to this folder.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "bulkhead/v1/alert.pb.h"
#include "collector/detect/correlation_window.h"
#include "collector/detect/engine.h"
#include "collector/detect/output.h"
#include "collector/detect/program.h"
#include "collector/detect/rule_set.h"

namespace bulkhead::detect {

struct CompiledRule {
  // Index into RuleSet::rules().
  std::size_t index = 0;
  NodeId condition = 0;
  // The first that holds decides.
  std::vector<std::pair<NodeId, v1::Severity>> priority_if;
  OutputTemplate output;
};

struct CompiledCorrelation {
  // Index into RuleSet::rules().
  std::size_t index = 0;
  CorrelationShape shape;
  // Indices into RuleSet::rules(), in the order in which the correlation names them.
  std::vector<std::size_t> rules;
  std::vector<const Field*> group_by;
  // kValueCount: what is counted.
  const Field* field = nullptr;
  OutputTemplate output;
};

struct RuleSet::Compiled {
  Program program;
  // In order.
  std::vector<CompiledRule> rules;
  // By kind of event: indices into `rules` of those that are enabled and can match one.
  std::array<std::vector<std::uint32_t>, kKindLimit> by_kind;
  // In order, after the rules in RuleSet::rules().
  std::vector<CompiledCorrelation> correlations;
};

// What the rule makes of the event, enabled or not. `rules` has the rule.
std::optional<Finding> judge(const RuleSet& rules, const CompiledRule& rule, const v1::Event& event);

}  // namespace bulkhead::detect
