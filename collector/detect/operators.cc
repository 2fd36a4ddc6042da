#include "collector/detect/operators.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "collector/detect/fields.h"
#include "collector/detect/glob.h"

namespace bulkhead::detect {
namespace {

constexpr TypeMask kAll = 0xff;
constexpr TypeMask kNumbers = type_bit(Type::kNumber);

// Text and number at once: the one that a type does not use is empty or 0 on both sides.
bool equal(const Value& left, const Value& right) {
  return left.number == right.number && left.text == right.text;
}
bool less(const Value& left, const Value& right) {
  return left.number < right.number;
}
bool less_or_equal(const Value& left, const Value& right) {
  return left.number <= right.number;
}
bool greater(const Value& left, const Value& right) {
  return left.number > right.number;
}
bool greater_or_equal(const Value& left, const Value& right) {
  return left.number >= right.number;
}
bool contains(const Value& left, const Value& right) {
  return left.text.find(right.text) != std::string_view::npos;
}
bool starts(const Value& left, const Value& right) {
  return left.text.starts_with(right.text);
}
bool ends(const Value& left, const Value& right) {
  return left.text.ends_with(right.text);
}
bool matches_glob(const Value& left, const Value& right) {
  return glob_match(right.text, left.text);
}

bool contains_ignoring_case(const Value& left, const Value& right) {
  const auto same = [](char a, char b) { return absl::ascii_tolower(a) == absl::ascii_tolower(b); };
  return !std::ranges::search(left.text, right.text, same).empty() || right.text.empty();
}

bool is_member(const Value& left, const ValueSet& right) {
  return left.text.empty() ? right.numbers.contains(left.number) : right.texts.find(left.text) != right.texts.end();
}

bool is_present(const Value& left) {
  return left.present;
}

constexpr Operator kOperators[] = {
    {"=", "is equal", kAll, false, TestValue{equal}},
    {"!=", "is not equal: the same as `not a = b`", kAll, true, TestValue{equal}},
    {"<", "is less", kNumbers, false, TestValue{less}},
    {"<=", "is less or equal", kNumbers, false, TestValue{less_or_equal}},
    {">", "is greater", kNumbers, false, TestValue{greater}},
    {">=", "is greater or equal", kNumbers, false, TestValue{greater_or_equal}},
    {"contains", "has the right side somewhere in it", kTexts, false, TestValue{contains}},
    {"icontains", "has the right side somewhere in it, upper and lower case of ASCII letters alike", kTexts, false,
     TestValue{contains_ignoring_case}},
    {"startswith", "begins with the right side", kTexts, false, TestValue{starts}},
    {"endswith", "ends with the right side", kTexts, false, TestValue{ends}},
    {"glob",
     "matches a pattern as a whole: `*` any text, also with slashes; `?` one byte; `\\` takes the next "
     "character literally",
     kTexts, false, TestValue{matches_glob}},
    {"in", "equals one of a list", static_cast<TypeMask>(kAll & ~type_bit(Type::kFlag)), false, TestSet{is_member}},
    {"exists", "is there: the event has the field, and it is not empty", kAll, false, TestAlone{is_present}},
};

}  // namespace

std::span<const Operator> operators() {
  return kOperators;
}

bool tenants_equal(const Value& left, const Value& right) {
  return same_tenant(left.text, right.text);
}

}  // namespace bulkhead::detect
