// Syntax trees to programs: looks up fields, macros and lists, checks types, bounds what an evaluation can cost.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "collector/detect/condition_ast.h"
#include "collector/detect/list_table.h"
#include "collector/detect/program.h"
#include "collector/detect/rule_reader.h"

namespace bulkhead::detect {

class ConditionCompiler {
 public:
  // All arguments must outlive the compiler.
  ConditionCompiler(std::span<const MacroDefinition> macros, const ListTable& lists, Program& program,
                    Problems& problems);

  // Nothing when there were errors; they are in the problems.
  std::optional<NodeId> compile(const SourceText& condition);
  // All of a rule's conditions, and none of its exceptions.
  std::optional<NodeId> compile(const RuleDefinition& rule);
  // All of them, also those that no rule uses.
  void compile_macros();

 private:
  struct Macro {
    const MacroDefinition* definition = nullptr;
    enum { kUntouched, kUnderWay, kDone } state = kUntouched;
    std::optional<NodeId> node;
  };
  using Result = std::optional<NodeId>;

  Result build(const ast::Disjunction& disjunction);
  Result build(const ast::Conjunction& conjunction);
  Result build(const ast::Factor& factor);
  Result build(const ast::Test& test);
  Result build_alone(const ast::Word& name);
  Result build_macro(const ast::Word& name);
  Result build_value(const Field& field, const Operator& op, const ast::Word& operand);
  Result build_set(const Field& field, const Operator& op, const std::vector<ast::Word>& operands);
  Result build_pattern(const Field& field, TestPattern test, const ast::Word& operand);
  Result add_set(const Field& field, const Operator& op, ValueSet set);
  bool add_member(const Field& field, const Operator& op, const ast::Word& operand, ValueSet& set);
  Result add(Node node);

  // A field of an exception and how it is compared.
  struct Column {
    const Field* field = nullptr;
    const Operator* op = nullptr;
  };
  bool read_columns(const ExceptionDefinition& exception, std::vector<Column>& columns);
  Result build_exception(const ExceptionDefinition& exception, bool& good);
  Result build_lone_set(const ExceptionDefinition& exception, const Column& column);
  Result build_tuple(const ExceptionDefinition& exception, const std::vector<Column>& columns,
                     const std::vector<ExceptionValue>& tuple);
  Result build_element(const ExceptionDefinition& exception, const Column& column, const ExceptionValue& value);
  bool add_texts(const Column& column, const ExceptionValue& value, ValueSet& set);

  const Field* field_operand(const Field& left, const ast::Word& operand, bool& failed);
  Result fail(std::size_t offset, std::string_view message);

  std::map<std::string, Macro, std::less<>> macros_;
  const ListTable& lists_;
  Program& program_;
  Problems& problems_;
  std::size_t set_items_ = 0;
  std::size_t expressions_ = 0;
  int macro_depth_ = 0;
  // The condition under way.
  const SourceText* source_ = nullptr;
};

}  // namespace bulkhead::detect
