#include "collector/detect/operators.h"

#include <re2/re2.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "collector/detect/fields.h"
#include "collector/detect/glob.h"

namespace bulkhead::detect {
namespace {

constexpr TypeMask kAll = 0xff;
constexpr TypeMask kLists = type_bit(Type::kList);
constexpr TypeMask kScalars = static_cast<TypeMask>(kAll & ~kLists);
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

// Whole components: /srv/a has /srv above it and is not under /sr.
bool is_under(const Value& left, const ValueSet& right) {
  const std::string_view path = left.text;
  if (!path.starts_with('/')) return false;
  if (right.texts.find(path) != right.texts.end()) return true;
  for (std::size_t slash = path.rfind('/'); slash != std::string_view::npos;
       slash = slash == 0 ? std::string_view::npos : path.rfind('/', slash - 1)) {
    // The root is kept as the empty text.
    if (right.texts.find(path.substr(0, slash)) != right.texts.end()) return true;
  }
  return false;
}

bool have_common_item(std::span<const std::string_view> left, const ValueSet& right) {
  return std::ranges::any_of(left, [&](std::string_view item) { return right.texts.find(item) != right.texts.end(); });
}

bool matches_expression(const Value& left, const re2::RE2& right) {
  return re2::RE2::FullMatch({left.text.data(), left.text.size()}, right);
}

bool is_present(const Value& left) {
  return left.present;
}

constexpr Operator kOperators[] = {
    {"=", "is equal", kScalars, false, TestValue{equal}},
    {"!=", "is not equal: the same as `not a = b`", kScalars, true, TestValue{equal}},
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
    {"regex", "matches a regular expression (RE2's syntax) as a whole", kTexts, false, TestPattern{matches_expression}},
    {"in", "equals one of a list", static_cast<TypeMask>(kScalars & ~type_bit(Type::kFlag)), false, TestSet{is_member}},
    {"pmatch",
     "is one of a list of absolute paths, or is somewhere under one: `/srv` is above `/srv/a`, not above `/srv2`",
     type_bit(Type::kText), false, TestSet{is_under}},
    {"intersects", "has an item that is in a list", kLists, false, TestItems{have_common_item}},
    {"exists", "is there: the event has the field, and it is not empty", kAll, false, TestAlone{is_present}},
};

}  // namespace

std::span<const Operator> operators() {
  return kOperators;
}

bool takes_paths(const Operator& op) {
  const auto* test = std::get_if<TestSet>(&op.test);
  return test != nullptr && *test == is_under;
}

bool tenants_equal(const Value& left, const Value& right) {
  return same_tenant(left.text, right.text);
}

}  // namespace bulkhead::detect
