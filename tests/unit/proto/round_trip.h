// Events packed, sent and unpacked again.
#pragma once

#include <vector>

#include "bulkhead/v1/event.pb.h"

namespace bulkhead::test {

// Through bytes, as on the wire.
std::vector<v1::Event> round_trip(const std::vector<v1::Event>& events);

void require_same(const std::vector<v1::Event>& expected, const std::vector<v1::Event>& found);

}  // namespace bulkhead::test
