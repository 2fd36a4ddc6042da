// YAML to plain structs: keys and shapes are checked here, names and conditions by the compiler.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "collector/detect/rule_set.h"
#include "collector/detect/source_text.h"

namespace bulkhead::detect {

struct PriorityClause {
  SourceText condition;
  SourceText priority;
};

struct RuleDefinition {
  SourceText rule;
  SourceText title;
  SourceText description;
  SourceText condition;
  SourceText output;
  SourceText priority;
  std::vector<PriorityClause> priority_if;
  std::vector<SourceText> tags;
  std::vector<SourceText> attacks;
  std::vector<SourceText> controls;
  SourceText remediation;
  bool enabled = true;
};

struct MacroDefinition {
  SourceText macro;
  SourceText condition;
};

struct ListDefinition {
  SourceText list;
  std::vector<SourceText> items;
};

struct Definitions {
  std::vector<RuleDefinition> rules;
  std::vector<MacroDefinition> macros;
  std::vector<ListDefinition> lists;
};

// Adds what the file defines. `file` must outlive the definitions.
void read_rule_file(const RuleFile& file, Definitions& definitions, Problems& problems);

}  // namespace bulkhead::detect
