// open → acknowledged → closed, and open again.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "bulkhead/v1/alert.pb.h"

namespace bulkhead::alerts {

// By a person. kInvalidArgument: who or why is missing, too long, or no text; the state is none that people set.
// kFailedPrecondition: the alert is in that state, or is the record of an authorised access.
absl::Status change_state(v1::AlertState to, const std::string& by, const std::string& why, absl::Time now,
                          v1::Alert& alert);

// By a new finding: at that finding's own time, so that replay writes the same.
void reopen(const google::protobuf::Timestamp& time, v1::Alert& alert);

// "open", "acknowledged", …
std::string state_name(v1::AlertState state);

// Who does something, and why: 1 to 256 and 1 to 1,024 bytes of UTF-8 without control characters.
absl::Status check_by(const std::string& by);
absl::Status check_why(const std::string& why);

}  // namespace bulkhead::alerts
