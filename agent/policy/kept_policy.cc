#include "agent/policy/kept_policy.h"

#include "agent/spool/message_file.h"

namespace bulkhead::policy {

absl::StatusOr<std::optional<v1::AgentPolicy>> KeptPolicy::load() const {
  v1::AgentPolicy policy;
  const auto found = spool::load_message(file_, &policy);
  if (!found.ok()) return found.status();
  if (!*found) return std::nullopt;
  return policy;
}

absl::Status KeptPolicy::save(const v1::AgentPolicy& policy) const {
  return spool::save_message(file_, policy);
}

}  // namespace bulkhead::policy
