#include "agent/spool/message_file.h"

#include <fcntl.h>

#include "absl/strings/str_cat.h"
#include "agent/spool/file.h"
#include "proto/batch/limits.h"

namespace bulkhead::spool {

absl::StatusOr<bool> load_message(const std::filesystem::path& file, google::protobuf::MessageLite* message) {
  const auto opened = open_file(file, O_RDONLY | O_NONBLOCK);
  if (absl::IsNotFound(opened.status())) return false;
  if (!opened.ok()) return opened.status();
  const auto bytes = read_at(*opened, file, 0, limits::kMessageBytes + 1);
  if (!bytes.ok()) return bytes.status();
  if (bytes->size() > limits::kMessageBytes || !message->ParseFromString(*bytes)) {
    return absl::DataLossError(absl::StrCat(file.string(), " is not what an agent kept"));
  }
  return true;
}

absl::Status save_message(const std::filesystem::path& file, const google::protobuf::MessageLite& message) {
  return replace_file(file, message.SerializeAsString(), true);
}

}  // namespace bulkhead::spool
