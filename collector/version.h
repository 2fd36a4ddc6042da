#pragma once

namespace bulkhead::collector {

inline constexpr char kVersion[] = BULKHEAD_VERSION;

}  // namespace bulkhead::collector
