#include "collector/detect/rule_reader.h"

#include <fmt/format.h>

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "collector/detect/event_reader.h"
#include "collector/detect/one_line.h"
#include "collector/detect/rule_overrides.h"
#include "collector/detect/yaml_reader.h"
#include "text/nearest_name.h"
#include "text/yaml_document.h"

namespace bulkhead::detect {
namespace {

constexpr std::size_t kFileBytes = 1u << 20;
constexpr std::size_t kItems = 10000;
constexpr std::size_t kTestEvents = 1000;

class Reader {
 public:
  using Key = YamlReader::Key;
  using Setter = YamlReader::Setter;

  Reader(const RuleFile& file, Definitions& definitions, Problems& problems)
      : yaml_(file, problems), definitions_(definitions) {}

  void read(const YAML::Node& root) {
    if (root.IsNull()) return;
    if (!root.IsSequence()) return yaml_.fail(root, "expected a list of rules, correlations, macros and lists");
    for (const YAML::Node& item : root) {
      if (items_of(definitions_) >= kItems) {
        return yaml_.fail(item, fmt::format("more than {} rules, correlations, macros and lists", kItems));
      }
      read_item(item);
    }
  }

 private:
  static std::size_t items_of(const Definitions& all) {
    return all.rules.size() + all.correlations.size() + all.rule_overrides.size() + all.correlation_overrides.size() +
           all.macros.size() + all.lists.size();
  }

  void read_item(const YAML::Node& item) {
    if (!item.IsMap()) return yaml_.fail(item, "expected a rule, a correlation, a macro or a list");
    const std::set<std::string> keys = YamlReader::keys_of(item);
    // A correlation has a key `rules`, never `rule`.
    int kinds = 0;
    for (const char* kind : {"rule", "correlation", "macro", "list"}) kinds += static_cast<int>(keys.count(kind));
    if (kinds != 1) {
      return yaml_.fail(item, "expected exactly one of the keys 'rule', 'correlation', 'macro' and 'list' in an item");
    }
    const bool overrides = keys.contains("override");
    if (keys.contains("rule")) return overrides ? override_rule(item) : read_rule(item);
    if (keys.contains("correlation")) return overrides ? override_correlation(item) : read_correlation(item);
    if (keys.contains("macro")) return read_macro(item);
    read_list(item);
  }

  std::vector<Key> header_keys(RuleHeader& header, std::string_view kind, bool required) {
    return {{kind, true, yaml_.name(header.id)},
            {"title", false, yaml_.text(header.title)},
            {"desc", required, yaml_.text(header.description)},
            {"output", required, yaml_.text(header.output)},
            {"priority", required, yaml_.text(header.priority)},
            {"tags", false, yaml_.texts(header.tags)},
            {"attacks", false, yaml_.texts(header.attacks)},
            {"controls", false, yaml_.texts(header.controls)},
            {"remediation", false, yaml_.text(header.remediation)},
            {"enabled", false, yaml_.flag(header.enabled)}};
  }

  std::vector<Key> rule_keys(RuleDefinition& rule, bool required) {
    rule.conditions.resize(1);
    std::vector<Key> keys = header_keys(rule, "rule", required);
    keys.push_back({"condition", required, yaml_.text(rule.conditions[0])});
    keys.push_back({"exceptions", false, exceptions(rule.exceptions)});
    keys.push_back({"priority_if", false, priorities(rule.priority_if)});
    keys.push_back({"alert", false, yaml_.flag(rule.alert)});
    keys.push_back({"tests", false, rule_tests(rule.tests)});
    return keys;
  }

  std::vector<Key> correlation_keys(CorrelationDefinition& correlation, bool required) {
    std::vector<Key> keys = header_keys(correlation, "correlation", required);
    keys.push_back({"type", required, yaml_.text(correlation.type)});
    keys.push_back({"rules", required, yaml_.texts(correlation.rules)});
    keys.push_back({"group-by", required, yaml_.texts(correlation.group_by)});
    keys.push_back({"timespan", required, yaml_.text(correlation.timespan)});
    keys.push_back({"condition", false, count_condition(correlation)});
    keys.push_back({"generate", false, yaml_.flag(correlation.generate)});
    keys.push_back({"tests", false, correlation_tests(correlation.tests)});
    return keys;
  }

  void read_rule(const YAML::Node& item) {
    RuleDefinition rule;
    if (yaml_.read_keys(item, "rule", rule_keys(rule, true))) definitions_.rules.push_back(std::move(rule));
  }

  void read_correlation(const YAML::Node& item) {
    CorrelationDefinition correlation;
    if (yaml_.read_keys(item, "correlation", correlation_keys(correlation, true))) {
      definitions_.correlations.push_back(std::move(correlation));
    }
  }

  void override_rule(const YAML::Node& item) {
    RuleOverride change;
    std::vector<Key> keys = rule_keys(change.values, false);
    keys.push_back({"override", true, modes(item, "rule", rule_override_keys(), change.keys)});
    if (yaml_.read_keys(item, "rule", keys)) definitions_.rule_overrides.push_back(std::move(change));
  }

  void override_correlation(const YAML::Node& item) {
    CorrelationOverride change;
    std::vector<Key> keys = correlation_keys(change.values, false);
    keys.push_back({"override", true, modes(item, "correlation", correlation_override_keys(), change.keys)});
    if (yaml_.read_keys(item, "correlation", keys)) definitions_.correlation_overrides.push_back(std::move(change));
  }

  void read_macro(const YAML::Node& item) {
    MacroDefinition macro;
    const std::vector<Key> keys = {{"macro", true, yaml_.name(macro.macro)},
                                   {"condition", true, yaml_.text(macro.condition)}};
    if (yaml_.read_keys(item, "macro", keys)) definitions_.macros.push_back(std::move(macro));
  }

  void read_list(const YAML::Node& item) {
    ListDefinition list;
    const std::vector<Key> keys = {{"list", true, yaml_.name(list.list)}, {"items", true, yaml_.texts(list.items)}};
    if (yaml_.read_keys(item, "list", keys)) definitions_.lists.push_back(std::move(list));
  }

  // What `override` says of each other key of the item; both must name the same ones.
  Setter modes(const YAML::Node& item, std::string_view kind, std::span<const OverrideKey> known,
               std::vector<OverriddenKey>& target) {
    return [this, item, kind, known, &target](const YAML::Node& node) {
      if (!node.IsMap()) return yaml_.fail(node, "expected a key and append or replace for each");
      std::vector<std::string_view> names;
      for (const OverrideKey& key : known) names.push_back(key.name);
      const std::set<std::string> given = YamlReader::keys_of(item);
      std::set<std::string> named;
      for (const auto& entry : node) {
        auto key = yaml_.scalar(entry.first);
        const auto mode = yaml_.scalar(entry.second);
        if (!key || !mode) continue;
        const auto found = std::ranges::find(known, key->text, &OverrideKey::name);
        if (found == known.end()) {
          yaml_.fail(entry.first, fmt::format("'{}' is nothing that can be overridden{}", key->text,
                                              text::did_you_mean(key->text, names)));
        } else if (mode->text != "append" && mode->text != "replace") {
          yaml_.fail(entry.second, fmt::format("expected append or replace, found '{}'", mode->text));
        } else if (mode->text == "append" && !found->can_append) {
          yaml_.fail(entry.second, fmt::format("'{}' can only be replaced", key->text));
        } else if (!given.contains(key->text)) {
          yaml_.fail(entry.first, fmt::format("this {} has no key '{}' to override it with", kind, key->text));
        } else if (!named.insert(key->text).second) {
          yaml_.fail(entry.first, fmt::format("the key '{}' is there twice", key->text));
        } else {
          target.push_back({*std::move(key), mode->text == "append"});
        }
      }
      for (const std::string& key : given) {
        if (key == "override" || key == kind || named.contains(key)) continue;
        yaml_.fail(node,
                   fmt::format("'{}' is given, and 'override' does not say whether to append or replace it", key));
      }
    };
  }

  Setter priorities(std::vector<PriorityClause>& target) {
    return [this, &target](const YAML::Node& node) {
      constexpr auto kExpected = "a list of items with the keys 'condition' and 'priority'";
      yaml_.read_items(node, kExpected, [&](const YAML::Node& item) {
        PriorityClause clause;
        const std::vector<Key> keys = {{"condition", true, yaml_.text(clause.condition)},
                                       {"priority", true, yaml_.text(clause.priority)}};
        if (yaml_.read_keys(item, "priority_if item", keys)) target.push_back(std::move(clause));
      });
    };
  }

  Setter exceptions(std::vector<ExceptionDefinition>& target) {
    return [this, &target](const YAML::Node& node) {
      yaml_.read_items(node, "a list of exceptions", [&](const YAML::Node& item) {
        ExceptionDefinition exception;
        const std::vector<Key> keys = {{"name", true, yaml_.name(exception.name)},
                                       {"fields", false,
                                        [&](const YAML::Node& fields) {
                                          exception.lone_field = fields.IsScalar();
                                          yaml_.one_or_more(exception.fields)(fields);
                                        }},
                                       {"comps", false, yaml_.one_or_more(exception.comps)},
                                       {"values", false, tuples(exception)}};
        if (yaml_.read_keys(item, "exception", keys)) target.push_back(std::move(exception));
      });
    };
  }

  Setter tuples(ExceptionDefinition& exception) {
    return [this, &exception](const YAML::Node& node) {
      yaml_.read_items(node, "a list of values", [&](const YAML::Node& item) {
        std::vector<ExceptionValue>& tuple = exception.values.emplace_back();
        if (!item.IsSequence()) return read_element(item, tuple);
        yaml_.read_items(item, "a list of values", [&](const YAML::Node& element) { read_element(element, tuple); });
      });
    };
  }

  void read_element(const YAML::Node& node, std::vector<ExceptionValue>& tuple) {
    ExceptionValue& value = tuple.emplace_back();
    value.list = node.IsSequence();
    yaml_.one_or_more(value.texts)(node);
  }

  Setter count_condition(CorrelationDefinition& correlation) {
    return [this, &correlation](const YAML::Node& node) {
      std::vector<Key> keys = {{"field", false, yaml_.text(correlation.field)}};
      for (const char* comparison : {"gte", "gt", "lte", "lt", "eq"}) {
        keys.push_back({comparison, false, [this, comparison, &correlation](const YAML::Node& count) {
                          if (!correlation.comparison.text.empty()) {
                            return yaml_.fail(count, "a condition has one comparison");
                          }
                          correlation.comparison = {comparison, yaml_.place(count)};
                          yaml_.text(correlation.count)(count);
                        }});
      }
      if (yaml_.read_keys(node, "condition", keys) && correlation.comparison.text.empty()) {
        yaml_.fail(node, "this condition lacks the key 'gte' or 'gt'");
      }
    };
  }

  std::vector<Key> test_keys(TestDefinition& test) {
    return {{"name", true, yaml_.text(test.name)},
            {"fires", true, yaml_.flag(test.fires)},
            {"severity", false, yaml_.text(test.severity)}};
  }

  void add_event(const YAML::Node& node, TestDefinition& test) {
    if (test.events.size() >= kTestEvents) return yaml_.fail(node, fmt::format("more than {} events", kTestEvents));
    if (auto event = read_event(yaml_, node, test.events.size() + 1)) test.events.push_back(*std::move(event));
  }

  Setter rule_tests(std::vector<TestDefinition>& target) {
    return [this, &target](const YAML::Node& node) {
      yaml_.read_items(node, "a list of tests", [&](const YAML::Node& item) {
        TestDefinition test;
        std::vector<Key> keys = test_keys(test);
        keys.push_back({"event", true, [&](const YAML::Node& event) { add_event(event, test); }});
        if (yaml_.read_keys(item, "test", keys)) target.push_back(std::move(test));
      });
    };
  }

  Setter correlation_tests(std::vector<TestDefinition>& target) {
    return [this, &target](const YAML::Node& node) {
      yaml_.read_items(node, "a list of tests", [&](const YAML::Node& item) {
        TestDefinition test;
        std::vector<Key> keys = test_keys(test);
        keys.push_back({"events", true, [&](const YAML::Node& events) {
                          yaml_.read_items(events, "a list of events",
                                           [&](const YAML::Node& event) { add_event(event, test); });
                        }});
        if (yaml_.read_keys(item, "test", keys)) target.push_back(std::move(test));
      });
    };
  }

  YamlReader yaml_;
  Definitions& definitions_;
};

}  // namespace

void read_rule_file(const RuleFile& file, Definitions& definitions, Problems& problems) {
  if (file.text.size() > kFileBytes) return problems.add({&file, 1, 1}, "the file is larger than 1 MiB");
  if (const auto offset = first_bad_utf8(file.text)) {
    return problems.add(place_of(file, *offset), "a byte that is no UTF-8");
  }
  try {
    if (const auto second = text::second_document(file.text)) {
      return problems.add({&file, second->line + 1, second->column + 1},
                          "expected the end of the file: a rule file is one YAML document");
    }
    Reader(file, definitions, problems).read(YAML::Load(file.text));
  } catch (const YAML::Exception& error) {
    problems.add({&file, std::max(error.mark.line, 0) + 1, std::max(error.mark.column, 0) + 1}, error.msg);
  }
}

}  // namespace bulkhead::detect
