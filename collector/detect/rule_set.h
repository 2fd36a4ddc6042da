// Rules: read from YAML text, checked, and compiled once to what an event can be judged by cheaply.
//
// The language is described in docs/rules.md. This folder does no I/O and reads no clock, so that live detection and
// replay are the same code.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bulkhead/v1/alert.pb.h"
#include "bulkhead/v1/event.pb.h"

namespace bulkhead::detect {

// The text of one rule file. The name is what error messages call it, usually its path.
struct RuleFile {
  std::string name;
  std::string text;
};

// What one rule says about itself.
struct RuleInfo {
  // The severity is the rule's own `priority`; a finding may have another one by `priority_if`.
  v1::RuleReference reference;
  // Where it is written.
  std::string file;
  int line = 0;
  // A rule that is not enabled is checked like any other and never fires.
  bool enabled = true;
  // A rule that does not alert has findings for others to use, and none of its own.
  bool alert = true;
  // It judges what several events make together.
  bool correlation = false;
};

// A test that is written with a rule (collector/detect/rule_tests.h runs it).
struct RuleTest {
  // Into RuleSet::rules().
  std::size_t rule = 0;
  std::string name;
  int line = 0;
  std::vector<v1::Event> events;
  bool fires = false;
  // Nothing: any.
  std::optional<v1::Severity> severity;
};

// Immutable, so it may be shared between threads.
class RuleSet {
 public:
  struct Compiled;

  RuleSet(std::vector<RuleInfo> rules, std::vector<RuleTest> tests, std::unique_ptr<const Compiled> compiled);
  ~RuleSet();
  RuleSet(const RuleSet&) = delete;
  RuleSet& operator=(const RuleSet&) = delete;

  // In the order of the files and of the rules in them; correlations come after all others.
  std::span<const RuleInfo> rules() const { return rules_; }
  // In the order of the rules, and of each as they are written.
  std::span<const RuleTest> tests() const { return tests_; }
  // For the engine.
  const Compiled& compiled() const { return *compiled_; }

 private:
  std::vector<RuleInfo> rules_;
  std::vector<RuleTest> tests_;
  std::unique_ptr<const Compiled> compiled_;
};

// Macros and lists may be used before they are defined and in other files than their own. Errors are
// kInvalidArgument, "file:line:column: what is wrong", up to 20 of them, a line each. Input is bounded: 1 MiB a file,
// 10,000 items, and limits on nesting that docs/rules.md states.
absl::StatusOr<std::shared_ptr<const RuleSet>> compile_rules(std::span<const RuleFile> files);

}  // namespace bulkhead::detect
