#include "collector/detect/one_line.h"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

namespace bulkhead::detect {
namespace {

struct Character {
  char32_t code = 0;
  std::size_t size = 0;  // 0: the bytes are no UTF-8
};

// Rejects overlong forms, surrogates and what is beyond Unicode.
Character next_character(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < size) return {};
  char32_t code = first & (0xff >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3f);
  }
  constexpr char32_t kLowest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kLowest[size] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return {};
  return {code, size};
}

bool is_plain(char c) {
  return c >= 0x20 && c < 0x7f;
}

bool acts_on_a_terminal(char32_t code) {
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return true;
  if (code == 0x200e || code == 0x200f || code == 0x061c) return true;
  return (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

}  // namespace

void append_one_line(std::string& line, std::string_view text) {
  while (!text.empty()) {
    // Nearly all text is only this.
    const std::size_t plain = static_cast<std::size_t>(std::ranges::find_if_not(text, is_plain) - text.begin());
    line += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) return;
    const Character character = next_character(text);
    if (character.size == 0) {
      line += "\uFFFD";
      text.remove_prefix(1);
      continue;
    }
    if (acts_on_a_terminal(character.code)) {
      line += fmt::format("\\u{:04x}", static_cast<unsigned>(character.code));
    } else {
      line += text.substr(0, character.size);
    }
    text.remove_prefix(character.size);
  }
}

std::optional<std::size_t> first_bad_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = next_character(text.substr(at)).size;
    if (size == 0) return at;
    at += size;
  }
  return std::nullopt;
}

void cut_text(std::string& text, std::size_t limit) {
  constexpr std::string_view kCut = "…";
  if (text.size() <= limit) return;
  std::size_t end = limit - kCut.size();
  while (end > 0 && (static_cast<std::uint8_t>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
  text += kCut;
}

}  // namespace bulkhead::detect
