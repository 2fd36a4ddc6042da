#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bulkhead/v1/ingest.pb.h"

namespace bulkhead::ingest {

// The loss event that is stored in the place of events that an agent no longer has: loss is an event of its own.
// kInvalidArgument when the gap makes no sense.
absl::StatusOr<v1::EventBatch> state_missing(const std::string& host_id, const v1::SequenceGap& gap, absl::Time now);

}  // namespace bulkhead::ingest
