// Text from kernels, guests and peers is bytes until proven UTF-8; protobuf's `string` takes nothing else.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bulkhead::batch {

// RFC 3629: no overlong forms, no surrogates, nothing past U+10FFFF.
bool is_utf8(std::string_view text);

// Each byte that is part of no valid sequence becomes U+FFFD.
std::string to_utf8(std::string_view bytes);

// At most `limit` bytes of valid UTF-8, cut between two characters.
std::string_view cut_utf8(std::string_view text, std::size_t limit);

}  // namespace bulkhead::batch
