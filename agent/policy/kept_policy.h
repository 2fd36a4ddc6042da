// The policy that was pushed last, kept in the state directory: a restarted agent works by it before it has reached its
// collector.
#pragma once

#include <filesystem>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bulkhead/v1/policy.pb.h"

namespace bulkhead::policy {

// <state_dir>/policy: a v1::AgentPolicy as it was pushed. Belongs to one thread.
class KeptPolicy {
 public:
  explicit KeptPolicy(const std::filesystem::path& state_dir) : file_(state_dir / "policy") {}

  // Nothing when there is none. kDataLoss for what is no message; it is as untrusted as one that is pushed.
  absl::StatusOr<std::optional<v1::AgentPolicy>> load() const;
  // The old one or the new one, also after a power cut. The state directory is there.
  absl::Status save(const v1::AgentPolicy& policy) const;

 private:
  const std::filesystem::path file_;
};

}  // namespace bulkhead::policy
