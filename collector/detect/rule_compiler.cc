#include <fmt/format.h>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "collector/detect/compiled_rules.h"
#include "collector/detect/condition_compiler.h"
#include "collector/detect/condition_parser.h"
#include "collector/detect/correlation_compiler.h"
#include "collector/detect/list_table.h"
#include "collector/detect/rule_overrides.h"
#include "collector/detect/rule_reader.h"
#include "text/nearest_name.h"

namespace bulkhead::detect {
namespace {

constexpr std::size_t kFiles = 1000;

std::optional<v1::Severity> severity_of(const SourceText& priority, Problems& problems) {
  constexpr std::string_view kPrefix = "SEVERITY_";
  const auto& descriptor = *v1::Severity_descriptor();
  const std::string written = absl::AsciiStrToUpper(priority.text);
  std::vector<std::string_view> names;
  for (int i = 0; i < descriptor.value_count(); ++i) {
    const auto& value = *descriptor.value(i);
    if (value.number() == v1::SEVERITY_UNKNOWN) continue;
    const std::string_view name = std::string_view(value.name()).substr(kPrefix.size());
    if (name == written) return static_cast<v1::Severity>(value.number());
    names.push_back(name);
  }
  problems.add(priority.place, fmt::format("'{}' is no priority{}; expected one of {}", priority.text,
                                           text::did_you_mean(written, names), fmt::join(names, ", ")));
  return std::nullopt;
}

// T1003 or T1003.007
bool is_technique(std::string_view id) {
  const auto digits = [](std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  if (!id.starts_with("T") || id.size() < 5 || !digits(id.substr(1, 4))) return false;
  id.remove_prefix(5);
  return id.empty() || (id.size() == 4 && id[0] == '.' && digits(id.substr(1)));
}

// Without the white space that YAML's blocks leave at the end.
std::string trimmed(const SourceText& text) {
  return std::string(absl::StripAsciiWhitespace(text.text));
}

class RuleCompiler {
 public:
  RuleCompiler(const Definitions& definitions, Problems& problems)
      : definitions_(definitions),
        problems_(problems),
        compiled_(std::make_unique<RuleSet::Compiled>()),
        lists_(definitions.lists, problems),
        conditions_(definitions.macros, lists_, compiled_->program, problems) {}

  std::shared_ptr<const RuleSet> compile() {
    for (const ListDefinition& list : definitions_.lists) check_name(list.list, "list");
    for (const MacroDefinition& macro : definitions_.macros) check_name(macro.macro, "macro");
    conditions_.compile_macros();
    for (const RuleDefinition& rule : definitions_.rules) compile(rule);
    for (const CorrelationDefinition& correlation : definitions_.correlations) compile(correlation);
    if (!problems_.empty()) return nullptr;
    return std::make_shared<const RuleSet>(std::move(infos_), std::move(tests_), std::move(compiled_));
  }

 private:
  void check_name(const SourceText& name, std::string_view kind) {
    for (const char c : name.text) {
      if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-') continue;
      return problems_.add(name.place, fmt::format("the name of a {} has only letters, digits, _ and -", kind));
    }
    if (is_reserved_word(name.text)) {
      problems_.add(name.place, fmt::format("'{}' is a word of the language, not a name for a {}", name.text, kind));
    }
  }

  void compile(const RuleDefinition& definition) {
    if (!is_new(definition)) return;
    rules_.emplace(definition.id.text, infos_.size());
    CompiledRule rule;
    rule.index = infos_.size();
    const auto condition = conditions_.compile(definition);
    auto output = parse_output(definition.output, problems_);
    const auto severity = severity_of(definition.priority, problems_);
    for (const PriorityClause& clause : definition.priority_if) {
      const auto when = conditions_.compile(clause.condition);
      const auto priority = severity_of(clause.priority, problems_);
      if (when && priority) rule.priority_if.emplace_back(*when, *priority);
    }
    add_tests(definition);
    infos_.push_back(describe(definition, severity.value_or(v1::SEVERITY_UNKNOWN)));
    infos_.back().alert = definition.alert;
    if (!condition || !output) return;
    rule.condition = *condition;
    rule.output = *std::move(output);
    const KindMask kinds = compiled_->program.nodes[*condition].kinds;
    for (std::size_t kind = 0; kind < kKindLimit; ++kind) {
      if (definition.enabled && (kinds >> kind & 1) != 0)
        compiled_->by_kind[kind].push_back(static_cast<std::uint32_t>(compiled_->rules.size()));
    }
    compiled_->rules.push_back(std::move(rule));
  }

  void compile(const CorrelationDefinition& definition) {
    if (!is_new(definition)) return;
    auto correlation = compile_correlation(definition, rules_, places_, problems_);
    const auto severity = severity_of(definition.priority, problems_);
    add_tests(definition);
    infos_.push_back(describe(definition, severity.value_or(v1::SEVERITY_UNKNOWN)));
    infos_.back().correlation = true;
    if (!correlation) return;
    correlation->index = infos_.size() - 1;
    for (const std::size_t rule : correlation->rules) {
      if (definition.enabled && !definition.generate) infos_[rule].alert = false;
    }
    compiled_->correlations.push_back(*std::move(correlation));
  }

  bool is_new(const RuleHeader& definition) {
    const auto [first, added] = places_.try_emplace(definition.id.text, definition.id.place);
    if (!added) {
      problems_.add(definition.id.place, fmt::format("the rule '{}' is defined already at {}", definition.id.text,
                                                     to_string(first->second)));
    }
    return added;
  }

  // Of the rule that is described next.
  void add_tests(const RuleHeader& definition) {
    for (const TestDefinition& test : definition.tests) {
      std::optional<v1::Severity> severity;
      if (!test.severity.text.empty()) severity = severity_of(test.severity, problems_);
      if (severity && !test.fires) {
        problems_.add(test.severity.place, "a test in which the rule does not fire has no severity");
      }
      tests_.push_back({infos_.size(), trimmed(test.name), test.name.place.line, test.events, test.fires, severity});
    }
  }

  RuleInfo describe(const RuleHeader& definition, v1::Severity severity) {
    RuleInfo info;
    v1::RuleReference& reference = info.reference;
    reference.set_id(definition.id.text);
    reference.set_title(definition.title.text.empty() ? definition.id.text : trimmed(definition.title));
    reference.set_description(trimmed(definition.description));
    reference.set_severity(severity);
    reference.set_remediation(trimmed(definition.remediation));
    for (const SourceText& attack : definition.attacks) {
      if (!is_technique(attack.text)) {
        problems_.add(attack.place,
                      fmt::format("'{}' is no MITRE ATT&CK technique; expected T1234 or T1234.567", attack.text));
      }
      reference.add_attacks(attack.text);
    }
    for (const SourceText& control : definition.controls) reference.add_controls(control.text);
    for (const SourceText& tag : definition.tags) reference.add_tags(tag.text);
    info.file = definition.id.place.file->name;
    info.line = definition.id.place.line;
    info.enabled = definition.enabled;
    return info;
  }

  const Definitions& definitions_;
  Problems& problems_;
  std::unique_ptr<RuleSet::Compiled> compiled_;
  ListTable lists_;
  ConditionCompiler conditions_;
  std::vector<RuleInfo> infos_;
  std::vector<RuleTest> tests_;
  std::map<std::string, Place> places_;
  // Those that judge single events.
  std::map<std::string, std::size_t> rules_;
};

}  // namespace

RuleSet::RuleSet(std::vector<RuleInfo> rules, std::vector<RuleTest> tests, std::unique_ptr<const Compiled> compiled)
    : rules_(std::move(rules)), tests_(std::move(tests)), compiled_(std::move(compiled)) {}

RuleSet::~RuleSet() = default;

absl::StatusOr<std::shared_ptr<const RuleSet>> compile_rules(std::span<const RuleFile> files) {
  if (files.size() > kFiles) return absl::InvalidArgumentError(fmt::format("more than {} rule files", kFiles));
  Definitions definitions;
  Problems problems;
  for (const RuleFile& file : files) read_rule_file(file, definitions, problems);
  apply_overrides(definitions, problems);
  auto rules = RuleCompiler(definitions, problems).compile();
  if (!rules) return problems.status();
  return rules;
}

}  // namespace bulkhead::detect
