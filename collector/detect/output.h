// Output templates: "%actor.exe (pid %actor.pid) read …". `%%` is a percent sign.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bulkhead/v1/event.pb.h"
#include "collector/detect/fields.h"
#include "collector/detect/source_text.h"

namespace bulkhead::detect {

struct OutputPiece {
  std::string text;
  // Comes after the text; null for none.
  const Field* field = nullptr;
  // Then comes the count that a correlation asks for.
  bool count = false;
};

using OutputTemplate = std::vector<OutputPiece>;

// Nothing when there were errors; they are in the problems. In a correlation's output, %count is the number that it
// asks for: the number so far would depend on the order in which events come.
std::optional<OutputTemplate> parse_output(const SourceText& output, Problems& problems, bool correlation = false);

// One line, at most 2,048 bytes; a field takes at most 512 of them, so that no hostile name pushes out the rest. A
// field that the event does not have is "(none)".
std::string render(const OutputTemplate& output, const v1::Event& event, std::uint64_t count = 0);

// As in an output.
std::string value_text(const Field& field, const v1::Event& event);

}  // namespace bulkhead::detect
