#include "collector/detect/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "absl/strings/ascii.h"
#include "collector/detect/one_line.h"
#include "text/nearest_name.h"

namespace bulkhead::detect {
namespace {

constexpr std::size_t kMessageBytes = 2048;
constexpr std::size_t kFieldBytes = 512;

// The longest run that can be a name; a full stop at its end belongs to the sentence.
std::string_view name_at(std::string_view text) {
  const auto in_name = [](char c) {
    return absl::ascii_islower(static_cast<unsigned char>(c)) || absl::ascii_isdigit(static_cast<unsigned char>(c)) ||
           c == '_' || c == '.';
  };
  std::size_t size = 0;
  while (size < text.size() && in_name(text[size])) ++size;
  while (size > 0 && text[size - 1] == '.') --size;
  return text.substr(0, size);
}

std::string number_text(absl::int128 number) {
  // Fields have 64 bits, with or without a sign.
  if (number < 0) return fmt::to_string(static_cast<std::int64_t>(number));
  return fmt::to_string(static_cast<std::uint64_t>(number));
}

}  // namespace

std::string value_text(const Field& field, const v1::Event& event) {
  std::string scratch;
  const Value value = field.get(event, scratch);
  if (!value.present) return "(none)";
  switch (field.type) {
    case Type::kText:
    case Type::kTenant:
    case Type::kList: {
      std::string text;
      append_one_line(text, value.text);
      cut_text(text, kFieldBytes);
      return text;
    }
    case Type::kNumber:
      return number_text(value.number);
    case Type::kFlag:
      return value.number != 0 ? "true" : "false";
    case Type::kChoice:
      break;
  }
  const auto choice = std::ranges::find_if(field.choices, [&](const auto& c) { return c.second == value.number; });
  return choice != field.choices.end() ? choice->first : number_text(value.number);
}

std::optional<OutputTemplate> parse_output(const SourceText& output, Problems& problems, bool correlation) {
  OutputTemplate pieces;
  OutputPiece piece;
  std::string_view text = output.text;
  // YAML's blocks end with a newline.
  while (!text.empty() && absl::ascii_isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  bool good = true;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '%') {
      piece.text += text[at++];
      continue;
    }
    if (text.substr(at, 2) == "%%") {
      piece.text += '%';
      at += 2;
      continue;
    }
    const std::string_view name = name_at(text.substr(at + 1));
    piece.field = find_field(name);
    piece.count = correlation && name == "count";
    if (piece.field == nullptr && !piece.count) {
      std::vector<std::string_view> known;
      for (const Field& field : fields()) known.push_back(field.name);
      problems.add(output.at(at), fmt::format("unknown field '%{}' in the output{} (%% is a percent sign)", name,
                                              text::did_you_mean(name, known)));
      good = false;
    }
    at += 1 + name.size();
    pieces.push_back(std::exchange(piece, {}));
  }
  if (!piece.text.empty()) pieces.push_back(std::move(piece));
  if (!good) return std::nullopt;
  return pieces;
}

std::string render(const OutputTemplate& output, const v1::Event& event, std::uint64_t count) {
  std::string message;
  for (const OutputPiece& piece : output) {
    append_one_line(message, piece.text);
    if (piece.count) message += std::to_string(count);
    if (piece.field != nullptr) message += value_text(*piece.field, event);
    if (message.size() > kMessageBytes) break;
  }
  cut_text(message, kMessageBytes);
  return message;
}

}  // namespace bulkhead::detect
