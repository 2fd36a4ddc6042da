// Text from outside, made fit to be shown.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace bulkhead::detect {

// Appends `text` as valid UTF-8 on one line: control characters, line separators and characters that change the
// direction of writing become \uXXXX, bytes that are no UTF-8 become U+FFFD.
void append_one_line(std::string& line, std::string_view text);

// Where the first byte stands that is no UTF-8; nothing when all of them are.
std::optional<std::size_t> first_bad_utf8(std::string_view text);

// Cuts to at most `limit` bytes between two characters, with "…" at the end of what was cut. The text is valid UTF-8.
void cut_text(std::string& text, std::size_t limit);

}  // namespace bulkhead::detect
