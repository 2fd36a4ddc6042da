#include "collector/detect/rule_overrides.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "text/nearest_name.h"

namespace bulkhead::detect {
namespace {

// The same keys as of the items themselves, but the id.
constexpr OverrideKey kRuleKeys[] = {
    {"title"},       {"desc"},       {"condition", true},  {"output"},         {"priority"},
    {"priority_if"}, {"tags", true}, {"attacks", true},    {"controls", true}, {"remediation"},
    {"enabled"},     {"alert"},      {"exceptions", true}, {"tests", true}};
constexpr OverrideKey kCorrelationKeys[] = {{"title"},      {"desc"},          {"output"},         {"priority"},
                                            {"tags", true}, {"attacks", true}, {"controls", true}, {"remediation"},
                                            {"enabled"},    {"type"},          {"rules", true},    {"group-by"},
                                            {"timespan"},   {"condition"},     {"generate"},       {"tests", true}};

bool is_word_end(std::string_view text, std::size_t at) {
  return at >= text.size() || !(absl::ascii_isalnum(static_cast<unsigned char>(text[at])) || text[at] == '_' ||
                                text[at] == '.' || text[at] == '-');
}

template <typename T>
void merge(std::vector<T>& to, std::vector<T>& from, bool append) {
  if (!append) to.clear();
  std::ranges::move(from, std::back_inserter(to));
}

class Overrider {
 public:
  Overrider(Definitions& definitions, Problems& problems) : definitions_(definitions), problems_(problems) {}

  void apply() {
    for (RuleOverride& change : definitions_.rule_overrides) {
      RuleDefinition* rule = find(definitions_.rules, change.values.id, "rule");
      if (rule == nullptr) continue;
      for (const OverriddenKey& key : change.keys) apply(key, change.values, *rule);
    }
    for (CorrelationOverride& change : definitions_.correlation_overrides) {
      CorrelationDefinition* correlation = find(definitions_.correlations, change.values.id, "correlation");
      if (correlation == nullptr) continue;
      for (const OverriddenKey& key : change.keys) apply(key, change.values, *correlation);
    }
  }

 private:
  template <typename Definition>
  Definition* find(std::vector<Definition>& all, const SourceText& id, std::string_view kind) {
    const auto found =
        std::ranges::find(all, id.text, [](const Definition& one) -> const std::string& { return one.id.text; });
    if (found != all.end()) return &*found;
    std::vector<std::string_view> known;
    for (const Definition& one : all) known.push_back(one.id.text);
    problems_.add(id.place,
                  fmt::format("there is no {} '{}' to override{}", kind, id.text, text::did_you_mean(id.text, known)));
    return nullptr;
  }

  void apply(const OverriddenKey& key, RuleHeader& from, RuleHeader& to) {
    const std::string& name = key.key.text;
    if (name == "title") to.title = from.title;
    if (name == "desc") to.description = from.description;
    if (name == "output") to.output = from.output;
    if (name == "priority") to.priority = from.priority;
    if (name == "remediation") to.remediation = from.remediation;
    if (name == "enabled") to.enabled = from.enabled;
    if (name == "tags") merge(to.tags, from.tags, key.append);
    if (name == "attacks") merge(to.attacks, from.attacks, key.append);
    if (name == "controls") merge(to.controls, from.controls, key.append);
    if (name == "tests") merge(to.tests, from.tests, key.append);
  }

  void apply(const OverriddenKey& key, RuleDefinition& from, RuleDefinition& to) {
    const std::string& name = key.key.text;
    if (name == "condition") return change_condition(key, from, to);
    if (name == "exceptions" && key.append) return append_exceptions(from, to);
    if (name == "exceptions") to.exceptions = from.exceptions;
    if (name == "priority_if") to.priority_if = from.priority_if;
    if (name == "alert") to.alert = from.alert;
    apply(key, static_cast<RuleHeader&>(from), static_cast<RuleHeader&>(to));
  }

  void apply(const OverriddenKey& key, CorrelationDefinition& from, CorrelationDefinition& to) {
    const std::string& name = key.key.text;
    if (name == "type") to.type = from.type;
    if (name == "rules") merge(to.rules, from.rules, key.append);
    if (name == "group-by") to.group_by = from.group_by;
    if (name == "timespan") to.timespan = from.timespan;
    if (name == "generate") to.generate = from.generate;
    if (name == "condition") {
      to.comparison = from.comparison;
      to.count = from.count;
      to.field = from.field;
    }
    apply(key, static_cast<RuleHeader&>(from), static_cast<RuleHeader&>(to));
  }

  // An appended text is a condition of its own, so that nothing in it reaches into the one before: it may begin with
  // the `and` that Falco's files have there.
  void change_condition(const OverriddenKey& key, const RuleDefinition& from, RuleDefinition& to) {
    const SourceText& text = from.conditions.front();
    if (!key.append) {
      to.conditions = {text};
      return;
    }
    const std::string_view words = text.text;
    const std::size_t begin = std::min(words.find_first_not_of(" \t\r\n"), words.size());
    if (words.substr(begin).starts_with("or") && is_word_end(words, begin + 2)) {
      return problems_.add(text.at(begin),
                           "an appended condition can only narrow the rule, so it does not begin with "
                           "'or'; replace the condition to widen it");
    }
    if (!words.substr(begin).starts_with("and") || !is_word_end(words, begin + 3)) {
      to.conditions.push_back(text);
      return;
    }
    const std::size_t rest = std::min(words.find_first_not_of(" \t\r\n", begin + 3), words.size());
    to.conditions.push_back({std::string(words.substr(rest)), text.at(rest), text.quoted});
  }

  // Values for an exception of the same name join it; an exception of another name is added.
  void append_exceptions(const RuleDefinition& from, RuleDefinition& to) {
    for (const ExceptionDefinition& exception : from.exceptions) {
      const auto old =
          std::ranges::find(to.exceptions, exception.name.text,
                            [](const ExceptionDefinition& one) -> const std::string& { return one.name.text; });
      if (old == to.exceptions.end()) {
        to.exceptions.push_back(exception);
      } else if ((exception.fields.empty() || same(exception.fields, old->fields)) &&
                 (exception.comps.empty() || same(exception.comps, old->comps))) {
        std::ranges::copy(exception.values, std::back_inserter(old->values));
      } else {
        problems_.add(exception.name.place, fmt::format("the exception '{}' at {} has other fields or comps",
                                                        exception.name.text, to_string(old->name.place)));
      }
    }
  }

  static bool same(const std::vector<SourceText>& a, const std::vector<SourceText>& b) {
    return std::ranges::equal(a, b, {}, &SourceText::text, &SourceText::text);
  }

  Definitions& definitions_;
  Problems& problems_;
};

}  // namespace

std::span<const OverrideKey> rule_override_keys() {
  return kRuleKeys;
}

std::span<const OverrideKey> correlation_override_keys() {
  return kCorrelationKeys;
}

void apply_overrides(Definitions& definitions, Problems& problems) {
  Overrider(definitions, problems).apply();
}

}  // namespace bulkhead::detect
