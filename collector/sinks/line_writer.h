// Writes whole lines to a descriptor without ever waiting past a stop. Private to this folder.
#pragma once

#include <stop_token>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace bulkhead::sinks {

// Writes `line` and a newline. `torn` says that the last line on this descriptor was cut by an error; the next one then
// begins on a line of its own. kCancelled once a stop is requested and the reader takes nothing.
absl::Status write_line(int descriptor, const std::string& name, std::string_view line, bool& torn,
                        const std::stop_token& stop);

}  // namespace bulkhead::sinks
