#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace bulkhead::alerts {

using Sha256 = std::array<std::uint8_t, 32>;

Sha256 sha256(std::string_view bytes);

// Eight bytes of length and the bytes, so that no two sequences of fields give the same text.
void append_field(std::string& text, std::string_view field);

}  // namespace bulkhead::alerts
