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

std::string types_of(TypeMask mask) {
  std::vector<std::string_view> names;
  for (const Type type : {Type::kText, Type::kTenant, Type::kNumber, Type::kFlag, Type::kChoice, Type::kList}) {
    if ((mask & type_bit(type)) != 0) names.push_back(type_name(type));
  }
  return fmt::format("{}", fmt::join(names, ", "));
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

}  // namespace bulkhead::detect
