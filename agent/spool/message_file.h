// One protobuf message in a file of its own, such as what the agent remembers from run to run.
#pragma once

#include <filesystem>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/message_lite.h"

namespace bulkhead::spool {

// False when there is no such file. kDataLoss for one that holds no such message, or more than limits::kMessageBytes.
absl::StatusOr<bool> load_message(const std::filesystem::path& file, google::protobuf::MessageLite* message);

// The old message or the new one, also after a power cut. The directory is there.
absl::Status save_message(const std::filesystem::path& file, const google::protobuf::MessageLite& message);

}  // namespace bulkhead::spool
