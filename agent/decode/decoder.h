// Bytes from the ring into records. The kernel wrote them, and yet everything is checked: a size that does not fit, a
// number that no enum has, a text without end.
#pragma once

#include <cstddef>
#include <span>

#include "absl/status/statusor.h"
#include "agent/decode/records.h"

namespace bulkhead::decode {

// InvalidArgument says what is wrong; the caller counts it as malformed.
absl::StatusOr<Record> decode(std::span<const std::byte> bytes);

}  // namespace bulkhead::decode
