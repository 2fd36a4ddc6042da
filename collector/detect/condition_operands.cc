// The right sides of tests.
#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "collector/detect/condition_compiler.h"
#include "collector/detect/literal.h"
#include "text/nearest_name.h"

namespace bulkhead::detect {
namespace {

constexpr std::size_t kSetItems = 1000000;
constexpr std::size_t kExpressionBytes = 4096;
// What RE2 may take for one expression: its program, and states that it makes while it matches. It needs no more time
// than in proportion to the text, also when this does not suffice.
constexpr std::int64_t kExpressionMemory = 256 << 10;
constexpr std::size_t kExpressions = 1000;

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

// As the kernel writes it: a path of another form would be under nothing, in silence. A slash at its end is taken off.
bool is_plain_path(std::string_view path) {
  if (!path.starts_with('/')) return false;
  path.remove_prefix(1);
  if (path.ends_with('/')) path.remove_suffix(1);
  if (path.ends_with('/')) return false;
  while (!path.empty()) {
    const std::string_view component = path.substr(0, path.find('/'));
    if (component.empty() || component == "." || component == "..") return false;
    path.remove_prefix(std::min(path.size(), component.size() + 1));
  }
  return true;
}

}  // namespace

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
  bool failed = false;
  const Field* right = field_operand(field, operand, failed);
  if (failed) return std::nullopt;
  if (const auto* test = std::get_if<TestPattern>(&op.test)) {
    if (right == nullptr) return build_pattern(field, *test, operand);
    return fail(operand.offset,
                fmt::format("'{}' takes an expression, not a field (a text of this form needs quotes)", op.spelling));
  }
  const TestValue compare = std::get<TestValue>(op.test);
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

ConditionCompiler::Result ConditionCompiler::build_pattern(const Field& field, TestPattern test,
                                                           const ast::Word& operand) {
  if (operand.text.size() > kExpressionBytes) {
    return fail(operand.offset, fmt::format("the regular expression is longer than {} bytes", kExpressionBytes));
  }
  if (++expressions_ > kExpressions) {
    return fail(operand.offset, fmt::format("all conditions have more than {} regular expressions", kExpressions));
  }
  re2::RE2::Options options;
  // Paths are bytes: what is no UTF-8 must not escape an expression, nor a line break in a name.
  options.set_encoding(re2::RE2::Options::EncodingLatin1);
  options.set_dot_nl(true);
  options.set_never_capture(true);
  options.set_log_errors(false);
  options.set_max_mem(kExpressionMemory);
  auto pattern = std::make_shared<const re2::RE2>(operand.text, options);
  if (pattern->ok()) return add({PatternTest{&field, test, std::move(pattern)}, field.kinds});
  const std::string& part = pattern->error_arg();
  const std::size_t found = part.empty() ? std::string::npos : source_->text.find(part, operand.offset);
  return fail(found == std::string::npos ? operand.offset : found,
              fmt::format("not a regular expression that can be used: {}", pattern->error()));
}

ConditionCompiler::Result ConditionCompiler::build_set(const Field& field, const Operator& op,
                                                       const std::vector<ast::Word>& operands) {
  ValueSet set;
  bool good = true;
  for (const ast::Word& operand : operands) good = add_member(field, op, operand, set) && good;
  if (!good) return std::nullopt;
  return add_set(field, op, std::move(set));
}

ConditionCompiler::Result ConditionCompiler::add_set(const Field& field, const Operator& op, ValueSet set) {
  KindMask kinds = field.kinds;
  if (is_kind_field(field)) {
    kinds = 0;
    for (const absl::int128 number : set.numbers) kinds |= kind_of(number);
  }
  if (const auto* test = std::get_if<TestItems>(&op.test))
    return add({ItemsTest{&field, *test, std::move(set)}, kinds});
  return add({SetTest{&field, std::get<TestSet>(op.test), std::move(set)}, kinds});
}

bool ConditionCompiler::add_member(const Field& field, const Operator& op, const ast::Word& operand, ValueSet& set) {
  const std::vector<SourceText>* list = operand.quoted ? nullptr : lists_.find(operand.text);
  const auto insert = [&](std::string_view text, std::string_view where) {
    std::string error;
    const auto value = literal_value(field, text, error);
    if (!value) return fail(operand.offset, fmt::format("{}{}", where, error)).has_value();
    if (takes_paths(op) && !is_plain_path(text)) {
      return fail(operand.offset,
                  fmt::format("{}'{}' is no absolute path without empty, '.' and '..' components", where, text))
          .has_value();
    }
    if (++set_items_ > kSetItems) {
      return fail(operand.offset, fmt::format("all lists in conditions have more than {} items", kSetItems))
          .has_value();
    }
    if (value->text.empty()) {
      set.numbers.insert(value->number);
    } else {
      set.texts.emplace(takes_paths(op) && text.ends_with('/') ? text.substr(0, text.size() - 1) : text);
    }
    return true;
  };
  if (list == nullptr) return insert(operand.text, "");
  return std::ranges::all_of(
      *list, [&](const SourceText& item) { return insert(item.text, fmt::format("the list '{}': ", operand.text)); });
}

}  // namespace bulkhead::detect
