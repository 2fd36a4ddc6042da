// Condition text to syntax tree: a Boost.Spirit X3 grammar.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

#include "collector/detect/condition_ast.h"

namespace bulkhead::detect {

struct SyntaxError {
  std::size_t offset = 0;
  std::string message;
};

inline constexpr std::size_t kConditionBytes = 64u << 10;
// Parentheses in parentheses.
inline constexpr std::size_t kConditionDepth = 64;

std::variant<ast::Disjunction, SyntaxError> parse_condition(std::string_view text);

// `and`, `or`, `not` and the operators that are words: no macro or list can have such a name.
bool is_reserved_word(std::string_view word);

}  // namespace bulkhead::detect
