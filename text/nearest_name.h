// What a person probably meant by a name that is not known.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace bulkhead::text {

// The known name nearest to `name` by edit distance, case ignored; empty when none is near enough to be a help.
// Names longer than 64 bytes have no near one: the cost is bounded whatever the input.
std::string_view nearest_name(std::string_view name, std::span<const std::string_view> known);

// "; did you mean 'x'?" when there is a near name, else nothing.
std::string did_you_mean(std::string_view name, std::span<const std::string_view> known);

// did_you_mean(), or "; known are 'a', 'b', 'c'" when no name is near.
std::string suggestion(std::string_view name, std::span<const std::string_view> known);

}  // namespace bulkhead::text
