#pragma once

#include <string_view>

namespace bulkhead::detect {

// `*` stands for any text, also with slashes and none; `?` for one byte; `\` takes the next byte literally. Time is at
// most the product of both lengths.
bool glob_match(std::string_view pattern, std::string_view text);

}  // namespace bulkhead::detect
