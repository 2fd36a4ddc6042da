#include "collector/ctl/text.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace bulkhead::ctl {

namespace {

// Takes one code point off the front; 0xfffd for a byte that begins none.
char32_t take(std::string_view& text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const std::size_t length = first < 0x80 ? 1 : first >= 0xf0 && first < 0xf5 ? 4 : first >= 0xe0 ? 3 : 2;
  const bool lead = first < 0x80 || (first >= 0xc2 && first < 0xf5);
  char32_t point = first < 0x80 ? first : first & (0x7f >> length);
  bool good = lead && text.size() >= length;
  for (std::size_t i = 1; good && i < length; ++i) {
    good = (byte(i) & 0xc0) == 0x80;
    point = point << 6 | (byte(i) & 0x3f);
  }
  constexpr std::array<char32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  good = good && point >= kLeast[length] && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
  text.remove_prefix(good ? length : 1);
  return good ? point : 0xfffd;
}

// Control characters, and characters that are invisible or change how their neighbours are shown.
bool harmful(char32_t point) {
  return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0xad || point == 0x61c || point == 0xfeff ||
         (point >= 0x200b && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) ||
         (point >= 0x2060 && point <= 0x206f) || (point >= 0xfff0 && point <= 0xfffd) || point >= 0xe0000;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string clean;
  while (!text.empty()) {
    const std::string_view before = text;
    const char32_t point = take(text);
    if (point == '\n' || point == '\t') {
      clean += ' ';
    } else if (harmful(point)) {
      clean += '?';
    } else {
      clean += before.substr(0, before.size() - text.size());
    }
  }
  return clean;
}

std::size_t width(std::string_view text) {
  std::size_t points = 0;
  for (; !text.empty(); ++points) take(text);
  return points;
}

std::string cut(std::string_view text, std::size_t columns) {
  if (width(text) <= columns) return std::string(text);
  std::string_view rest = text;
  for (std::size_t i = 0; i + 1 < columns && !rest.empty(); ++i) take(rest);
  return std::string(text.substr(0, text.size() - rest.size())) + (columns > 0 ? "…" : "");
}

std::vector<std::string> wrap(std::string_view text, std::size_t columns) {
  std::vector<std::string> lines;
  while (width(text) > columns) {
    std::string_view rest = text;
    for (std::size_t i = 0; i < columns; ++i) take(rest);
    std::size_t fits = text.size() - rest.size();
    const auto space = text.substr(0, fits + 1).rfind(' ');
    if (space != std::string_view::npos && space > 0) fits = space;
    lines.emplace_back(text.substr(0, fits));
    text.remove_prefix(fits);
    while (text.starts_with(' ')) text.remove_prefix(1);
  }
  if (!text.empty()) lines.emplace_back(text);
  return lines;
}

std::string format_time(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0) return "-";
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixSeconds(time.seconds()), absl::LocalTimeZone());
}

std::string format_span(absl::Duration span) {
  const std::int64_t seconds = std::max<std::int64_t>(0, absl::ToInt64Seconds(span));
  if (seconds < 120) return absl::StrCat(seconds, "s");
  if (seconds < 120 * 60) return absl::StrCat(seconds / 60, "m");
  if (seconds < 48 * 3600) return absl::StrCat(seconds / 3600, "h");
  return absl::StrCat(seconds / 86400, "d");
}

std::string format_bytes(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB"};
  if (bytes < 1024) return absl::StrCat(bytes, " B");
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  return absl::StrFormat("%.1f %s", value, kUnits[unit]);
}

void Table::add(std::vector<std::string> cells) {
  for (auto& cell : cells) cell = printable(cell);
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
}

std::vector<std::size_t> Table::widths(std::size_t page) const {
  std::vector<std::size_t> widths;
  std::size_t total = 0;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t widest = width(columns_[i].title);
    for (const auto& cells : rows_) widest = std::max(widest, width(cells[i]));
    widths.push_back(widest);
    total += widest + (i == 0 ? 0 : 2);
  }
  // The widest of those that may give way gives way first.
  while (total > page) {
    std::size_t chosen = columns_.size();
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (columns_[i].least == 0 || widths[i] <= columns_[i].least) continue;
      if (chosen == columns_.size() || widths[i] > widths[chosen]) chosen = i;
    }
    if (chosen == columns_.size()) break;
    --widths[chosen];
    --total;
  }
  return widths;
}

std::string Table::text(std::size_t page) const {
  const auto widths = this->widths(page);
  std::string text;
  const auto line = [&](const auto& cell_of) {
    std::string made;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string cell = cut(cell_of(i), widths[i]);
      const std::string padding(widths[i] - std::min(widths[i], width(cell)), ' ');
      made += i == 0 ? "" : "  ";
      made += columns_[i].align == Align::kRight ? padding + cell : cell + padding;
    }
    made.erase(made.find_last_not_of(' ') + 1);
    text += made + '\n';
  };
  line([&](std::size_t i) { return columns_[i].title; });
  for (const auto& cells : rows_) line([&](std::size_t i) { return cells[i]; });
  return text;
}

std::string row(const std::vector<std::pair<std::string, std::size_t>>& cells) {
  std::string line;
  for (const auto& [cell, columns] : cells) {
    const std::string shown = cut(printable(cell), columns);
    line += shown + std::string(columns - width(shown) + 2, ' ');
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + '\n';
}

}  // namespace bulkhead::ctl
