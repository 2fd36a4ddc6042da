#include "collector/detect/literal.h"

#include <fmt/format.h>

#include <charconv>
#include <system_error>
#include <vector>

#include "text/nearest_name.h"

namespace bulkhead::detect {
namespace {

template <typename Integer>
bool parse(std::string_view word, int base, Integer& number) {
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number, base);
  return error == std::errc() && end == word.data() + word.size();
}

std::optional<Value> number_value(const Field& field, std::string_view word, std::string& error) {
  std::int64_t number = 0;
  std::uint64_t big = 0;
  if (word.starts_with("0x") && parse(word.substr(2), 16, big)) return Value::of_number(big);
  if (parse(word, 10, number)) return Value::of_number(number);
  if (parse(word, 10, big)) return Value::of_number(big);
  error = fmt::format("expected a number for '{}', found '{}'", field.name, word);
  return std::nullopt;
}

std::optional<Value> choice_value(const Field& field, std::string_view word, std::string& error) {
  std::vector<std::string_view> names;
  for (const auto& [name, number] : field.choices) {
    if (name == word) return Value::of_number(number);
    names.push_back(name);
  }
  error = fmt::format("'{}' is no value of '{}'{}; expected one of {}", word, field.name,
                      text::did_you_mean(word, names), fmt::join(names, ", "));
  return std::nullopt;
}

}  // namespace

std::optional<Value> literal_value(const Field& field, std::string_view word, std::string& error) {
  switch (field.type) {
    case Type::kText:
    case Type::kTenant:
    case Type::kList:
      if (!word.empty()) return Value::of_text(word);
      error = fmt::format("an empty text equals nothing; write 'not {} exists'", field.name);
      return std::nullopt;
    case Type::kNumber:
      return number_value(field, word, error);
    case Type::kFlag:
      if (word == "true" || word == "false") return Value::of_flag(word == "true");
      error = fmt::format("expected true or false for '{}', found '{}'", field.name, word);
      return std::nullopt;
    case Type::kChoice:
      return choice_value(field, word, error);
  }
  return std::nullopt;
}

std::optional<Value> literal_value(const Field& field, std::string_view word, std::deque<std::string>& texts,
                                   std::string& error) {
  auto value = literal_value(field, word, error);
  if (value && is_text(field.type)) value->text = texts.emplace_back(word);
  return value;
}

}  // namespace bulkhead::detect
