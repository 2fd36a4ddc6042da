#include "collector/detect/source_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "collector/detect/one_line.h"

namespace bulkhead::detect {
namespace {

constexpr std::size_t kProblemsTold = 20;
constexpr std::size_t kProblemBytes = 512;

bool is_space(char c) {
  return absl::ascii_isspace(static_cast<unsigned char>(c));
}

std::size_t offset_of(std::string_view text, int line, int column) {
  std::size_t offset = 0;
  for (int i = 1; i < line; ++i) {
    const std::size_t end = text.find('\n', offset);
    if (end == std::string_view::npos) return text.size();
    offset = end + 1;
  }
  return std::min(text.size(), offset + static_cast<std::size_t>(column - 1));
}

}  // namespace

Place place_of(const RuleFile& file, std::size_t offset) {
  Place place{&file, 1, 1};
  for (std::size_t i = 0; i < offset; ++i) {
    ++place.column;
    if (file.text[i] != '\n') continue;
    ++place.line;
    place.column = 1;
  }
  return place;
}

Place SourceText::at(std::size_t offset) const {
  const std::string_view source = place.file->text;
  std::size_t at = offset_of(source, place.line, place.column);
  if (at >= source.size()) return place;
  if (source[at] == '|' || source[at] == '>') {
    at = source.find('\n', at);
  } else if (source[at] == '"' || source[at] == '\'') {
    ++at;
  }
  // YAML changes only white space in what can be followed, so the other characters are met in the same order.
  for (std::size_t i = 0; i <= offset && i <= text.size(); ++i) {
    if (i < text.size() && is_space(text[i])) continue;
    while (at < source.size() && is_space(source[at])) ++at;
    if (i == text.size()) break;
    if (at >= source.size() || source[at] != text[i]) return place;
    if (i < offset) ++at;
  }
  if (offset >= text.size()) {
    while (at > 0 && is_space(source[at - 1])) --at;
  }
  return place_of(*place.file, at);
}

std::string to_string(const Place& place) {
  return fmt::format("{}:{}:{}", place.file->name, place.line, place.column);
}

void Problems::add(const Place& place, std::string_view message) {
  if (++count_ > kProblemsTold) return;
  std::string line;
  append_one_line(line, fmt::format("{}: {}", to_string(place), message));
  cut_text(line, kProblemBytes);
  lines_.push_back(std::move(line));
}

absl::Status Problems::status() const {
  if (count_ == 0) return absl::OkStatus();
  std::string text = fmt::format("{}", fmt::join(lines_, "\n"));
  if (count_ > lines_.size()) text += fmt::format("\nand {} more errors", count_ - lines_.size());
  return absl::InvalidArgumentError(text);
}

}  // namespace bulkhead::detect
