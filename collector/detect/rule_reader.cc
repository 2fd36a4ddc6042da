#include "collector/detect/rule_reader.h"

#include <fmt/format.h>

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <functional>
#include <set>
#include <sstream>
#include <string_view>

#include "text/nearest_name.h"
#include "text/yaml_document.h"

namespace bulkhead::detect {
namespace {

constexpr std::size_t kFileBytes = 1u << 20;
constexpr std::size_t kItems = 10000;
constexpr std::size_t kSequenceItems = 20000;
constexpr std::size_t kNameBytes = 128;
constexpr std::size_t kTextBytes = 64u << 10;

class Reader {
 public:
  Reader(const RuleFile& file, Definitions& definitions, Problems& problems)
      : file_(file), definitions_(definitions), problems_(problems) {}

  void read(const YAML::Node& root) {
    if (root.IsNull()) return;
    if (!root.IsSequence()) return problems_.add(place(root), "expected a list of rules, macros and lists");
    for (const YAML::Node& item : root) {
      if (definitions_.rules.size() + definitions_.macros.size() + definitions_.lists.size() >= kItems) {
        return problems_.add(place(item), fmt::format("more than {} rules, macros and lists", kItems));
      }
      read_item(item);
    }
  }

 private:
  using Setter = std::function<void(const YAML::Node&)>;
  struct Key {
    std::string_view name;
    bool required = false;
    Setter set;
  };

  Place place(const YAML::Node& node) const {
    const YAML::Mark mark = node.Mark();
    return {&file_, std::max(mark.line, 0) + 1, std::max(mark.column, 0) + 1};
  }

  void read_item(const YAML::Node& item) {
    if (!item.IsMap()) return problems_.add(place(item), "expected a rule, a macro or a list");
    // Not operator[]: that would look at values of any key, also of ones that are no scalars.
    std::set<std::string> keys;
    for (const auto& entry : item) {
      if (entry.first.IsScalar()) keys.insert(entry.first.Scalar());
    }
    const int kinds = static_cast<int>(keys.count("rule") + keys.count("macro") + keys.count("list"));
    if (kinds != 1) {
      return problems_.add(place(item), "expected exactly one of the keys 'rule', 'macro' and 'list' in an item");
    }
    if (keys.contains("rule")) return read_rule(item);
    if (keys.contains("macro")) return read_macro(item);
    read_list(item);
  }

  void read_rule(const YAML::Node& item) {
    RuleDefinition rule;
    const bool whole = read_keys(item, "rule",
                                 {{"rule", true, name(rule.rule)},
                                  {"title", false, text(rule.title)},
                                  {"desc", true, text(rule.description)},
                                  {"condition", true, text(rule.condition)},
                                  {"output", true, text(rule.output)},
                                  {"priority", true, text(rule.priority)},
                                  {"priority_if", false, priorities(rule.priority_if)},
                                  {"tags", false, texts(rule.tags)},
                                  {"attacks", false, texts(rule.attacks)},
                                  {"controls", false, texts(rule.controls)},
                                  {"remediation", false, text(rule.remediation)},
                                  {"enabled", false, flag(rule.enabled)}});
    if (whole) definitions_.rules.push_back(std::move(rule));
  }

  void read_macro(const YAML::Node& item) {
    MacroDefinition macro;
    if (read_keys(item, "macro", {{"macro", true, name(macro.macro)}, {"condition", true, text(macro.condition)}})) {
      definitions_.macros.push_back(std::move(macro));
    }
  }

  void read_list(const YAML::Node& item) {
    ListDefinition list;
    if (read_keys(item, "list", {{"list", true, name(list.list)}, {"items", true, texts(list.items)}})) {
      definitions_.lists.push_back(std::move(list));
    }
  }

  // False when a required key is not there or has an unusable value: the item would only cause errors that follow.
  bool read_keys(const YAML::Node& item, std::string_view kind, const std::vector<Key>& keys) {
    std::vector<std::string_view> known;
    for (const Key& key : keys) known.push_back(key.name);
    std::set<std::string> seen;
    good_ = true;
    for (const auto& entry : item) {
      if (!entry.first.IsScalar()) {
        fail(entry.first, "expected a key that is a word");
        continue;
      }
      const std::string& key_name = entry.first.Scalar();
      const auto key = std::ranges::find(keys, key_name, &Key::name);
      if (key == keys.end()) {
        fail(entry.first, fmt::format("a {} has no key '{}'{}", kind, key_name, text::did_you_mean(key_name, known)));
      } else if (!seen.insert(key_name).second) {
        fail(entry.first, fmt::format("the key '{}' is there twice", key_name));
      } else {
        key->set(entry.second);
      }
    }
    for (const Key& key : keys) {
      if (key.required && !seen.contains(std::string(key.name))) {
        fail(item, fmt::format("this {} lacks the key '{}'", kind, key.name));
      }
    }
    return good_;
  }

  void fail(const YAML::Node& node, std::string_view message) {
    problems_.add(place(node), message);
    good_ = false;
  }

  std::optional<SourceText> scalar(const YAML::Node& node) {
    if (!node.IsScalar()) {
      fail(node, "expected a text");
      return std::nullopt;
    }
    if (node.Scalar().size() > kTextBytes) {
      fail(node, fmt::format("the text is longer than {} bytes", kTextBytes));
      return std::nullopt;
    }
    // yaml-cpp tags plain scalars "?" and quoted ones "!".
    return SourceText{node.Scalar(), place(node), node.Tag() == "!"};
  }

  Setter text(SourceText& target) {
    return [this, &target](const YAML::Node& node) {
      if (auto value = scalar(node)) target = *std::move(value);
    };
  }

  Setter name(SourceText& target) {
    return [this, &target](const YAML::Node& node) {
      auto value = scalar(node);
      if (!value) return;
      if (value->text.empty() || value->text.size() > kNameBytes) {
        return fail(node, fmt::format("a name has between 1 and {} bytes", kNameBytes));
      }
      target = *std::move(value);
    };
  }

  Setter texts(std::vector<SourceText>& target) {
    return [this, &target](const YAML::Node& node) {
      if (!node.IsSequence()) return fail(node, "expected a list of texts");
      if (node.size() > kSequenceItems) return fail(node, fmt::format("more than {} items", kSequenceItems));
      for (const YAML::Node& item : node) {
        if (auto value = scalar(item)) target.push_back(*std::move(value));
      }
    };
  }

  Setter flag(bool& target) {
    return [this, &target](const YAML::Node& node) {
      const std::string value = node.IsScalar() ? node.Scalar() : "";
      if (value != "true" && value != "false") return fail(node, "expected true or false");
      target = value == "true";
    };
  }

  Setter priorities(std::vector<PriorityClause>& target) {
    return [this, &target](const YAML::Node& node) {
      if (!node.IsSequence()) return fail(node, "expected a list of items with the keys 'condition' and 'priority'");
      if (node.size() > kSequenceItems) return fail(node, fmt::format("more than {} items", kSequenceItems));
      bool good = good_;
      for (const YAML::Node& item : node) {
        PriorityClause clause;
        if (!item.IsMap()) {
          fail(item, "expected an item with the keys 'condition' and 'priority'");
        } else if (read_keys(
                       item, "priority_if item",
                       {{"condition", true, text(clause.condition)}, {"priority", true, text(clause.priority)}})) {
          target.push_back(std::move(clause));
        }
        good = good && good_;
      }
      good_ = good;
    };
  }

  const RuleFile& file_;
  Definitions& definitions_;
  Problems& problems_;
  bool good_ = true;
};

}  // namespace

void read_rule_file(const RuleFile& file, Definitions& definitions, Problems& problems) {
  if (file.text.size() > kFileBytes) return problems.add({&file, 1, 1}, "the file is larger than 1 MiB");
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
