// What people see: strings of guests and agents made harmless, times, spans, tables.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "google/protobuf/timestamp.pb.h"

namespace bulkhead::ctl {

// Names of guests come from tenants: no control character, no direction override and no invalid UTF-8 of theirs reaches
// a terminal; each becomes "?" (a line break or a tab a space).
std::string printable(std::string_view text);

// Columns that it takes, one per code point.
std::size_t width(std::string_view text);
// At most `columns` wide, its end replaced by "…" where it is longer.
std::string cut(std::string_view text, std::size_t columns);
// Lines at most `columns` wide, broken at spaces where there are any.
std::vector<std::string> wrap(std::string_view text, std::size_t columns);

// Local time to the second, or "-" when unset.
std::string format_time(const google::protobuf::Timestamp& time);
// "42s", "15m", "3h", "12d".
std::string format_span(absl::Duration span);
std::string format_bytes(std::uint64_t bytes);

enum class Align { kLeft, kRight };

struct Column {
  std::string title;
  Align align = Align::kLeft;
  // Not narrower than this to fit the page; 0: never narrowed.
  std::size_t least = 0;
};

// Rows are kept until the table is printed. Cells are made printable here.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  void add(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  // Aligned, and at most `page` wide as far as the columns can be narrowed.
  std::string text(std::size_t page) const;

 private:
  std::vector<std::size_t> widths(std::size_t page) const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// One line of a table whose rows come one by one, so that its widths are given.
std::string row(const std::vector<std::pair<std::string, std::size_t>>& cells);

}  // namespace bulkhead::ctl
