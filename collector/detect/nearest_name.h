// "Did you mean …?" for names that are not known.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace bulkhead::detect {

// "; did you mean 'x'?" for the candidate that takes the fewest edits, or nothing when none is near.
std::string did_you_mean(std::string_view name, std::span<const std::string_view> candidates);

}  // namespace bulkhead::detect
