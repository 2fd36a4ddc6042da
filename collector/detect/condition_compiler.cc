#include "collector/detect/condition_compiler.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/variant/apply_visitor.hpp>
#include <boost/variant/get.hpp>
#include <utility>
#include <vector>

#include "collector/detect/condition_parser.h"
#include "collector/detect/literal.h"
#include "text/nearest_name.h"

namespace bulkhead::detect {
namespace {

constexpr int kMacroDepth = 64;
constexpr std::uint32_t kNodeDepth = 512;
constexpr std::uint32_t kConditionCost = 20000;
constexpr std::size_t kSetItems = 1000000;

std::string types_of(TypeMask mask) {
  std::vector<std::string_view> names;
  for (const Type type : {Type::kText, Type::kTenant, Type::kNumber, Type::kFlag, Type::kChoice}) {
    if ((mask & type_bit(type)) != 0) names.push_back(type_name(type));
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

std::vector<std::string_view> field_names() {
  std::vector<std::string_view> names;
  for (const Field& field : fields()) names.push_back(field.name);
  return names;
}

bool comparable(const Field& left, const Field& right) {
  if (is_text(left.type) && is_text(right.type)) return true;
  return left.type == right.type && left.choices == right.choices;
}

bool is_kind_field(const Field& field) {
  return field.name == "event.kind";
}

KindMask kind_of(absl::int128 number) {
  return kind_bit(static_cast<v1::Event::PayloadCase>(static_cast<int>(number)));
}

}  // namespace

ConditionCompiler::ConditionCompiler(std::span<const MacroDefinition> macros, const ListTable& lists, Program& program,
                                     Problems& problems)
    : lists_(lists), program_(program), problems_(problems) {
  for (const MacroDefinition& definition : macros) {
    const auto [macro, added] = macros_.try_emplace(definition.macro.text);
    if (added) {
      macro->second.definition = &definition;
    } else {
      problems_.add(definition.macro.place,
                    fmt::format("the macro '{}' is defined already at {}", definition.macro.text,
                                to_string(macro->second.definition->macro.place)));
    }
  }
}

std::optional<NodeId> ConditionCompiler::compile(const SourceText& condition) {
  const SourceText* outer = std::exchange(source_, &condition);
  const auto parsed = parse_condition(condition.text);
  Result result;
  if (const auto* error = std::get_if<SyntaxError>(&parsed)) {
    fail(error->offset, error->message);
  } else {
    result = build(std::get<ast::Disjunction>(parsed));
  }
  source_ = outer;
  return result;
}

void ConditionCompiler::compile_macros() {
  for (auto& [name, macro] : macros_) {
    source_ = &macro.definition->macro;
    build_macro({name, false, 0});
  }
  source_ = nullptr;
}

ConditionCompiler::Result ConditionCompiler::fail(std::size_t offset, std::string_view message) {
  problems_.add(source_->at(offset), message);
  return std::nullopt;
}

ConditionCompiler::Result ConditionCompiler::add(Node node) {
  std::uint64_t cost = 1;
  std::uint32_t depth = 0;
  const auto count = [&](NodeId id) {
    cost += program_.nodes[id].cost;
    depth = std::max(depth, program_.nodes[id].depth);
  };
  if (const auto* all = std::get_if<AllOf>(&node.what)) std::ranges::for_each(all->nodes, count);
  if (const auto* any = std::get_if<AnyOf>(&node.what)) std::ranges::for_each(any->nodes, count);
  if (const auto* negation = std::get_if<Not>(&node.what)) count(negation->node);
  if (cost > kConditionCost || depth >= kNodeDepth) {
    return fail(0, fmt::format("with its macros, the condition has more than {} tests or is more than {} deep",
                               kConditionCost, kNodeDepth));
  }
  node.cost = static_cast<std::uint32_t>(cost);
  node.depth = depth + 1;
  program_.nodes.push_back(std::move(node));
  return static_cast<NodeId>(program_.nodes.size() - 1);
}

ConditionCompiler::Result ConditionCompiler::build(const ast::Disjunction& disjunction) {
  AnyOf any;
  KindMask kinds = 0;
  bool good = true;
  for (const ast::Conjunction& term : disjunction.terms) {
    const Result node = build(term);
    good = good && node.has_value();
    if (!node) continue;
    any.nodes.push_back(*node);
    kinds |= program_.nodes[*node].kinds;
  }
  if (!good) return std::nullopt;
  if (any.nodes.size() == 1) return any.nodes.front();
  return add({std::move(any), kinds});
}

ConditionCompiler::Result ConditionCompiler::build(const ast::Conjunction& conjunction) {
  AllOf all;
  KindMask kinds = kAllKinds;
  bool good = true;
  for (const ast::Factor& factor : conjunction) {
    const Result node = build(factor);
    good = good && node.has_value();
    if (!node) continue;
    all.nodes.push_back(*node);
    kinds &= program_.nodes[*node].kinds;
  }
  if (!good) return std::nullopt;
  if (all.nodes.size() == 1) return all.nodes.front();
  return add({std::move(all), kinds});
}

ConditionCompiler::Result ConditionCompiler::build(const ast::Factor& factor) {
  struct Visitor {
    ConditionCompiler& compiler;
    Result operator()(const ast::Test& test) const { return compiler.build(test); }
    Result operator()(const boost::spirit::x3::forward_ast<ast::Disjunction>& inner) const {
      return compiler.build(inner.get());
    }
  };
  const Result node = boost::apply_visitor(Visitor{*this}, factor.operand.get());
  if (!node || !factor.negated) return node;
  return add({Not{*node}});
}

ConditionCompiler::Result ConditionCompiler::build(const ast::Test& test) {
  if (!test.clause) return build_alone(test.name);
  const Field* field = find_field(test.name.text);
  if (field == nullptr) {
    return fail(test.name.offset,
                fmt::format("unknown field '{}'{}", test.name.text, text::did_you_mean(test.name.text, field_names())));
  }
  const auto& clause = test.clause->get();
  const auto* value = boost::get<ast::ValueClause>(&clause);
  const auto* set = boost::get<ast::SetClause>(&clause);
  const Operator& op = value != nullptr ? *value->op : set != nullptr ? *set->op : *boost::get<const Operator*>(clause);
  if ((op.types & type_bit(field->type)) == 0) {
    return fail(test.name.offset, fmt::format("'{}' does not fit the {} field '{}'; it fits {}", op.spelling,
                                              type_name(field->type), field->name, types_of(op.types)));
  }
  if (value != nullptr) return build_value(*field, op, value->operand);
  if (set != nullptr) return build_set(*field, op, set->operands);
  return add({LoneTest{field, std::get<TestAlone>(op.test)}, field->kinds});
}

ConditionCompiler::Result ConditionCompiler::build_alone(const ast::Word& name) {
  const Field* field = find_field(name.text);
  if (field == nullptr) return build_macro(name);
  if (field->type != Type::kFlag) {
    return fail(name.offset + name.text.size(),
                fmt::format("expected an operator after the {} field '{}'", type_name(field->type), field->name));
  }
  return add(
      {ValueTest{field, std::get<TestValue>(operators().front().test), nullptr, Value::of_flag(true)}, field->kinds});
}

ConditionCompiler::Result ConditionCompiler::build_macro(const ast::Word& name) {
  const auto found = macros_.find(name.text);
  if (found == macros_.end()) {
    std::vector<std::string_view> known = field_names();
    const bool dotted = name.text.find('.') != std::string::npos;
    if (!dotted) known.clear();
    for (const auto& [macro, entry] : macros_) known.push_back(macro);
    return fail(name.offset, fmt::format("unknown {} '{}'{}", dotted ? "field" : "macro", name.text,
                                         text::did_you_mean(name.text, known)));
  }
  Macro& macro = found->second;
  if (macro.state == Macro::kUnderWay) {
    return fail(name.offset, fmt::format("the macro '{}' contains itself", name.text));
  }
  if (macro.state == Macro::kUntouched) {
    if (macro_depth_ >= kMacroDepth) {
      return fail(name.offset, fmt::format("macros are nested more than {} deep", kMacroDepth));
    }
    macro.state = Macro::kUnderWay;
    ++macro_depth_;
    macro.node = compile(macro.definition->condition);
    --macro_depth_;
    macro.state = Macro::kDone;
  }
  return macro.node;
}

// A bare word with a dot whose first part is that of a field is a field, so that a misspelt one is an error and not a
// text that nothing equals.
const Field* ConditionCompiler::field_operand(const Field& left, const ast::Word& operand, bool& failed) {
  const std::size_t dot = operand.text.find('.');
  if (operand.quoted || dot == std::string::npos || !is_field_family(operand.text.substr(0, dot))) return nullptr;
  const Field* right = find_field(operand.text);
  if (right == nullptr) {
    failed = true;
    fail(operand.offset, fmt::format("unknown field '{}'{} (a text of this form needs quotes)", operand.text,
                                     text::did_you_mean(operand.text, field_names())));
  } else if (!comparable(left, *right)) {
    failed = true;
    fail(operand.offset, fmt::format("the {} field '{}' cannot be compared with the {} field '{}'",
                                     type_name(left.type), left.name, type_name(right->type), right->name));
  }
  return right;
}

ConditionCompiler::Result ConditionCompiler::build_value(const Field& field, const Operator& op,
                                                         const ast::Word& operand) {
  const TestValue compare = std::get<TestValue>(op.test);
  bool failed = false;
  const Field* right = field_operand(field, operand, failed);
  if (failed) return std::nullopt;
  if (right != nullptr) {
    const bool tenants = field.type == Type::kTenant && right->type == Type::kTenant;
    const bool equality = compare == std::get<TestValue>(operators().front().test);
    return add({ValueTest{&field, tenants && equality ? tenants_equal : compare, right, {}, op.negated},
                op.negated ? kAllKinds : field.kinds & right->kinds});
  }
  std::string error;
  const auto value = literal_value(field, operand.text, program_.texts, error);
  if (!value) return fail(operand.offset, error);
  KindMask kinds = is_kind_field(field) ? kind_of(value->number) : field.kinds;
  if (op.negated) kinds = is_kind_field(field) ? ~kinds : kAllKinds;
  return add({ValueTest{&field, compare, nullptr, *value, op.negated}, kinds});
}

ConditionCompiler::Result ConditionCompiler::build_set(const Field& field, const Operator& op,
                                                       const std::vector<ast::Word>& operands) {
  SetTest test{&field, std::get<TestSet>(op.test), {}};
  bool good = true;
  for (const ast::Word& operand : operands) good = add_member(field, operand, test.set) && good;
  if (!good) return std::nullopt;
  KindMask kinds = field.kinds;
  if (is_kind_field(field)) {
    kinds = 0;
    for (const absl::int128 number : test.set.numbers) kinds |= kind_of(number);
  }
  return add({std::move(test), kinds});
}

bool ConditionCompiler::add_member(const Field& field, const ast::Word& operand, ValueSet& set) {
  const std::vector<SourceText>* list = operand.quoted ? nullptr : lists_.find(operand.text);
  const auto insert = [&](std::string_view text, std::string_view where) {
    std::string error;
    const auto value = literal_value(field, text, error);
    if (!value) return fail(operand.offset, fmt::format("{}{}", where, error)).has_value();
    if (++set_items_ > kSetItems) {
      return fail(operand.offset, fmt::format("all lists in conditions have more than {} items", kSetItems))
          .has_value();
    }
    if (value->text.empty()) {
      set.numbers.insert(value->number);
    } else {
      set.texts.emplace(value->text);
    }
    return true;
  };
  if (list == nullptr) return insert(operand.text, "");
  return std::ranges::all_of(
      *list, [&](const SourceText& item) { return insert(item.text, fmt::format("the list '{}': ", operand.text)); });
}

}  // namespace bulkhead::detect
