// What the condition parser makes of a text, before names are looked up.
#pragma once

#include <boost/optional.hpp>
#include <boost/spirit/home/x3/support/ast/variant.hpp>
#include <cstddef>
#include <string>
#include <vector>

#include "collector/detect/operators.h"

namespace bulkhead::detect::ast {

struct Word {
  std::string text;
  // A quoted word is always text, never the name of a field or a list.
  bool quoted = false;
  // In bytes from the start of the condition.
  std::size_t offset = 0;
};

struct ValueClause {
  const Operator* op = nullptr;
  Word operand;
};

struct SetClause {
  const Operator* op = nullptr;
  std::vector<Word> operands;
};

struct Clause : boost::spirit::x3::variant<ValueClause, SetClause, const Operator*> {
  using base_type::base_type;
  using base_type::operator=;
};

// A name with a clause is a field under test; alone it is a macro or a flag.
struct Test {
  Word name;
  boost::optional<Clause> clause;
};

struct Disjunction;

struct Primary : boost::spirit::x3::variant<Test, boost::spirit::x3::forward_ast<Disjunction>> {
  using base_type::base_type;
  using base_type::operator=;
};

struct Factor {
  bool negated = false;
  Primary operand;
};

using Conjunction = std::vector<Factor>;

struct Disjunction {
  std::vector<Conjunction> terms;
};

}  // namespace bulkhead::detect::ast
