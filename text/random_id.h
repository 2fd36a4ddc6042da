// Names for what people make and speak of.
#pragma once

#include <string>
#include <string_view>

namespace bulkhead::text {

// The prefix and 12 characters of Crockford's base 32 (no I, L, O, U): 60 random bits, which nobody can guess and two
// of which meet once in a billion.
std::string random_id(std::string_view prefix);

}  // namespace bulkhead::text
