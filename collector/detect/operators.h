// The operators of the condition language: one entry each. The parser, the compiler and the documentation's test read
// this table.
#pragma once

#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "collector/detect/value.h"

namespace re2 {
class RE2;
}

namespace bulkhead::detect {

// Called only with values that are present; a test of an absent value is false before `negated`.
using TestValue = bool (*)(const Value& left, const Value& right);
using TestSet = bool (*)(const Value& left, const ValueSet& right);
using TestAlone = bool (*)(const Value& left);
using TestPattern = bool (*)(const Value& left, const re2::RE2& right);
using TestItems = bool (*)(std::span<const std::string_view> left, const ValueSet& right);

struct Operator {
  std::string_view spelling;
  std::string_view description;
  // Types of the left side that it fits. The right side is of the same type.
  TypeMask types = 0;
  // `a != b` is always `not a = b`, also when something is absent.
  bool negated = false;
  // Which of them says what stands on the right: a value or field, a set of values, nothing, a regular expression, or
  // (for a list on the left) a set of values.
  std::variant<TestValue, TestSet, TestAlone, TestPattern, TestItems> test;
};

std::span<const Operator> operators();

// The operators whose right side is a set of path prefixes, each absolute and without a slash at its end.
bool takes_paths(const Operator& op);

// `=` between two tenant fields: unknown is not equal.
bool tenants_equal(const Value& left, const Value& right);

}  // namespace bulkhead::detect
