// YAML to plain structs: keys and shapes are checked here, names and conditions by the compiler.
#pragma once

#include <string>
#include <vector>

#include "bulkhead/v1/event.pb.h"
#include "collector/detect/rule_set.h"
#include "collector/detect/source_text.h"

namespace bulkhead::detect {

struct PriorityClause {
  SourceText condition;
  SourceText priority;
};

// One element of a tuple of values, for one field of an exception.
struct ExceptionValue {
  std::vector<SourceText> texts;
  // Written as a list.
  bool list = false;
};

struct ExceptionDefinition {
  SourceText name;
  // Written as one text: then every value is a tuple of its own.
  bool lone_field = false;
  std::vector<SourceText> fields;
  std::vector<SourceText> comps;
  std::vector<std::vector<ExceptionValue>> values;
};

struct TestDefinition {
  SourceText name;
  // A rule's test has one.
  std::vector<v1::Event> events;
  bool fires = false;
  // Empty: any.
  SourceText severity;
};

// What rules and correlations have in common.
struct RuleHeader {
  SourceText id;
  SourceText title;
  SourceText description;
  SourceText output;
  SourceText priority;
  std::vector<SourceText> tags;
  std::vector<SourceText> attacks;
  std::vector<SourceText> controls;
  SourceText remediation;
  bool enabled = true;
  std::vector<TestDefinition> tests;
};

struct RuleDefinition : RuleHeader {
  // All of them must hold: the first is the rule's own, the others were appended.
  std::vector<SourceText> conditions;
  std::vector<ExceptionDefinition> exceptions;
  std::vector<PriorityClause> priority_if;
  bool alert = true;
};

struct CorrelationDefinition : RuleHeader {
  SourceText type;
  std::vector<SourceText> rules;
  std::vector<SourceText> group_by;
  SourceText timespan;
  // `gte` or another comparison, and its number; both empty when there is no condition.
  SourceText comparison;
  SourceText count;
  SourceText field;
  bool generate = true;
};

// One key of an item with `override`.
struct OverriddenKey {
  SourceText key;
  bool append = false;
};

struct RuleOverride {
  RuleDefinition values;
  std::vector<OverriddenKey> keys;
};
struct CorrelationOverride {
  CorrelationDefinition values;
  std::vector<OverriddenKey> keys;
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
  std::vector<CorrelationDefinition> correlations;
  std::vector<RuleOverride> rule_overrides;
  std::vector<CorrelationOverride> correlation_overrides;
  std::vector<MacroDefinition> macros;
  std::vector<ListDefinition> lists;
};

// Adds what the file defines. `file` must outlive the definitions.
void read_rule_file(const RuleFile& file, Definitions& definitions, Problems& problems);

}  // namespace bulkhead::detect
