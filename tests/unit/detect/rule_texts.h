// Rule files made of text, for the tests of the rule language.
#pragma once

#include <catch2/catch.hpp>

#include <memory>
#include <string>

#include "collector/detect/engine.h"

namespace bulkhead::test {

// One line of a condition as a whole rule named R; `more` follows it.
inline std::string rule_text(const std::string& condition, const std::string& more = "") {
  return "- rule: R\n  desc: d\n  output: o\n  priority: HIGH\n  condition: " + condition + "\n" + more;
}

inline std::shared_ptr<const detect::RuleSet> compiled(const std::string& text) {
  const detect::RuleFile file{"t.yaml", text};
  auto rules = detect::compile_rules(std::span(&file, 1));
  INFO(text);
  INFO(rules.status().message());
  REQUIRE(rules.ok());
  return *std::move(rules);
}

inline bool fires(const std::string& text, const v1::Event& event) {
  return !detect::Engine(compiled(text)).evaluate(event).empty();
}

inline std::string error_of(const std::string& text) {
  const detect::RuleFile file{"t.yaml", text};
  const auto rules = detect::compile_rules(std::span(&file, 1));
  INFO(text);
  REQUIRE_FALSE(rules.ok());
  REQUIRE(rules.status().code() == absl::StatusCode::kInvalidArgument);
  return std::string(rules.status().message());
}

}  // namespace bulkhead::test
