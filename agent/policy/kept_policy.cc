#include "agent/policy/kept_policy.h"

#include <fcntl.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "agent/spool/file.h"
#include "proto/batch/limits.h"

namespace bulkhead::policy {

absl::StatusOr<std::optional<v1::AgentPolicy>> KeptPolicy::load() const {
  const auto file = spool::open_file(file_, O_RDONLY | O_NONBLOCK);
  if (absl::IsNotFound(file.status())) return std::nullopt;
  if (!file.ok()) return file.status();
  const auto bytes = spool::read_at(*file, file_, 0, limits::kMessageBytes + 1);
  if (!bytes.ok()) return bytes.status();
  v1::AgentPolicy policy;
  if (bytes->size() > limits::kMessageBytes || !policy.ParseFromString(*bytes)) {
    return absl::DataLossError(absl::StrCat(file_.string(), " is not a policy that an agent kept"));
  }
  return policy;
}

absl::Status KeptPolicy::save(const v1::AgentPolicy& policy) const {
  return spool::replace_file(file_, policy.SerializeAsString(), true);
}

}  // namespace bulkhead::policy
