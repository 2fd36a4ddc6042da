// A rule's condition as a whole: what it wants, and what its exceptions leave out.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "collector/detect/condition_compiler.h"
#include "text/nearest_name.h"

namespace bulkhead::detect {
namespace {

const Operator* find_operator(std::string_view spelling) {
  const auto found = std::ranges::find(operators(), spelling, &Operator::spelling);
  return found == operators().end() ? nullptr : &*found;
}

bool takes_set(const Operator& op) {
  return std::holds_alternative<TestSet>(op.test) || std::holds_alternative<TestItems>(op.test);
}

}  // namespace

std::optional<NodeId> ConditionCompiler::compile(const RuleDefinition& rule) {
  AllOf all;
  bool good = true;
  for (const SourceText& condition : rule.conditions) {
    const Result node = compile(condition);
    good = good && node.has_value();
    all.nodes.push_back(node.value_or(0));
  }
  for (std::size_t i = 0; i < rule.exceptions.size(); ++i) {
    const ExceptionDefinition& exception = rule.exceptions[i];
    for (std::size_t j = 0; j < i; ++j) {
      if (rule.exceptions[j].name.text != exception.name.text) continue;
      problems_.add(exception.name.place, fmt::format("the exception '{}' is there twice", exception.name.text));
      good = false;
    }
    source_ = &exception.name;
    const auto node = build_exception(exception, good);
    // Without values it leaves nothing out.
    if (node) all.nodes.push_back(*node);
    source_ = nullptr;
  }
  if (!good) return std::nullopt;
  if (all.nodes.size() == 1) return all.nodes.front();
  KindMask kinds = kAllKinds;
  for (const NodeId node : all.nodes) kinds &= program_.nodes[node].kinds;
  source_ = &rule.conditions.front();
  return add({std::move(all), kinds});
}

bool ConditionCompiler::read_columns(const ExceptionDefinition& exception, std::vector<Column>& columns) {
  const auto wrong = [this](const SourceText& at, std::string_view message) {
    problems_.add(at.place, message);
    return false;
  };
  if (exception.fields.empty()) return wrong(exception.name, "this exception lacks the key 'fields'");
  if (!exception.comps.empty() && exception.comps.size() != exception.fields.size()) {
    return wrong(exception.comps.front(),
                 fmt::format("{} comps for {} fields", exception.comps.size(), exception.fields.size()));
  }
  for (std::size_t i = 0; i < exception.fields.size(); ++i) {
    const SourceText& name = exception.fields[i];
    const Field* field = find_field(name.text);
    if (field == nullptr) {
      return wrong(name, fmt::format("unknown field '{}'{}", name.text, text::did_you_mean(name.text, field_names())));
    }
    const std::string_view usual = !exception.lone_field ? "=" : field->type == Type::kList ? "intersects" : "in";
    const SourceText& written = exception.comps.empty() ? name : exception.comps[i];
    const Operator* op = find_operator(exception.comps.empty() ? usual : std::string_view(written.text));
    if (op == nullptr) {
      std::vector<std::string_view> known;
      for (const Operator& one : operators()) known.push_back(one.spelling);
      return wrong(written,
                   fmt::format("'{}' is no operator{}", written.text, text::did_you_mean(written.text, known)));
    }
    if (op->negated || std::holds_alternative<TestAlone>(op->test)) {
      return wrong(written, fmt::format("'{}' cannot say which values an exception is for", op->spelling));
    }
    if ((op->types & type_bit(field->type)) == 0) {
      return wrong(written, fmt::format("'{}' does not fit the {} field '{}'", op->spelling, type_name(field->type),
                                        field->name));
    }
    columns.push_back({field, op});
  }
  return true;
}

// One negation over all values: nothing in an exception can make a rule fire that would not have fired without it.
ConditionCompiler::Result ConditionCompiler::build_exception(const ExceptionDefinition& exception, bool& good) {
  std::vector<Column> columns;
  if (!read_columns(exception, columns)) {
    good = false;
    return std::nullopt;
  }
  if (exception.values.empty()) return std::nullopt;
  AnyOf any;
  const auto keep = [&](const Result& node) {
    good = good && node.has_value();
    if (node) any.nodes.push_back(*node);
  };
  if (exception.lone_field && takes_set(*columns.front().op)) {
    keep(build_lone_set(exception, columns.front()));
  } else {
    for (const auto& tuple : exception.values) keep(build_tuple(exception, columns, tuple));
  }
  source_ = &exception.name;
  if (!good) return std::nullopt;
  KindMask kinds = 0;
  for (const NodeId node : any.nodes) kinds |= program_.nodes[node].kinds;
  const Result values = any.nodes.size() == 1 ? Result(any.nodes.front()) : add({std::move(any), kinds});
  const Result negation = values ? add({Not{*values}}) : std::nullopt;
  good = negation.has_value();
  return negation;
}

ConditionCompiler::Result ConditionCompiler::build_lone_set(const ExceptionDefinition& exception,
                                                            const Column& column) {
  ValueSet set;
  for (const auto& tuple : exception.values) {
    for (const ExceptionValue& value : tuple) {
      if (!add_texts(column, value, set)) return std::nullopt;
    }
  }
  source_ = &exception.name;
  return add_set(*column.field, *column.op, std::move(set));
}

bool ConditionCompiler::add_texts(const Column& column, const ExceptionValue& value, ValueSet& set) {
  return std::ranges::all_of(value.texts, [&](const SourceText& text) {
    source_ = &text;
    return add_member(*column.field, *column.op, {text.text, text.quoted, 0}, set);
  });
}

ConditionCompiler::Result ConditionCompiler::build_tuple(const ExceptionDefinition& exception,
                                                         const std::vector<Column>& columns,
                                                         const std::vector<ExceptionValue>& tuple) {
  if (tuple.size() != columns.size()) {
    const bool placed = !tuple.empty() && !tuple.front().texts.empty();
    source_ = placed ? &tuple.front().texts.front() : &exception.name;
    return fail(0, fmt::format("the exception '{}' has {} values for {} fields here", exception.name.text, tuple.size(),
                               columns.size()));
  }
  AllOf all;
  KindMask kinds = kAllKinds;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const Result node = build_element(exception, columns[i], tuple[i]);
    if (!node) return std::nullopt;
    all.nodes.push_back(*node);
    kinds &= program_.nodes[*node].kinds;
  }
  if (all.nodes.size() == 1) return all.nodes.front();
  return add({std::move(all), kinds});
}

ConditionCompiler::Result ConditionCompiler::build_element(const ExceptionDefinition& exception, const Column& column,
                                                           const ExceptionValue& value) {
  source_ = value.texts.empty() ? &exception.name : &value.texts.front();
  if (takes_set(*column.op)) {
    ValueSet set;
    if (!add_texts(column, value, set)) return std::nullopt;
    return add_set(*column.field, *column.op, std::move(set));
  }
  if (value.list) return fail(0, fmt::format("'{}' takes one value, not a list", column.op->spelling));
  const SourceText& text = value.texts.front();
  return build_value(*column.field, *column.op, {text.text, text.quoted, 0});
}

}  // namespace bulkhead::detect
