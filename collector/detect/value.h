// What a field of an event holds, as the condition language sees it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>

#include "absl/numeric/int128.h"

namespace bulkhead::detect {

enum class Type : std::uint8_t {
  kText,
  // Text, except that two tenant fields are equal only when both are known.
  kTenant,
  kNumber,
  kFlag,
  // One of a field's named values; a number underneath.
  kChoice,
  // Several texts.
  kList,
};

// Bits of Type, for operators that fit several.
using TypeMask = std::uint8_t;
constexpr TypeMask type_bit(Type type) {
  return static_cast<TypeMask>(1u << static_cast<unsigned>(type));
}
inline constexpr TypeMask kTexts = type_bit(Type::kText) | type_bit(Type::kTenant);

constexpr bool is_text(Type type) {
  return (type_bit(type) & kTexts) != 0;
}

// Wide enough for every signed and unsigned field. Text lives in the event, the rule or a scratch string.
struct Value {
  bool present = false;
  absl::int128 number = 0;
  std::string_view text;

  static Value of_text(std::string_view text) { return {!text.empty(), 0, text}; }
  static Value of_number(absl::int128 number, bool present = true) { return {present, number, {}}; }
  static Value of_flag(bool flag) { return {true, flag ? 1 : 0, {}}; }
};

// The right side of `in`, `pmatch` and `intersects`.
struct ValueSet {
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_set<std::string, Hash, std::equal_to<>> texts;
  std::set<absl::int128> numbers;
};

}  // namespace bulkhead::detect
