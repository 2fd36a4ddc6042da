// The operators of the condition language: one entry each. The parser, the compiler and the documentation's test read
// this table.
#pragma once

#include <span>
#include <string_view>
#include <variant>

#include "collector/detect/value.h"

namespace bulkhead::detect {

// Called only with values that are present; a test of an absent value is false before `negated`.
using TestValue = bool (*)(const Value& left, const Value& right);
using TestSet = bool (*)(const Value& left, const ValueSet& right);
using TestAlone = bool (*)(const Value& left);

struct Operator {
  std::string_view spelling;
  std::string_view description;
  // Types of the left side that it fits. The right side is of the same type.
  TypeMask types = 0;
  // `a != b` is always `not a = b`, also when something is absent.
  bool negated = false;
  // Which of them says what stands on the right: a value or field, a set of values, or nothing.
  std::variant<TestValue, TestSet, TestAlone> test;
};

std::span<const Operator> operators();

// `=` between two tenant fields: unknown is not equal.
bool tenants_equal(const Value& left, const Value& right);

}  // namespace bulkhead::detect
