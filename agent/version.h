#pragma once

namespace bulkhead {

inline constexpr const char* kVersion = BULKHEAD_VERSION;

}  // namespace bulkhead
