#include "collector/policy/source.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace bulkhead::policy {

absl::StatusOr<PolicyFile> PolicySource::read() {
  if (path_.empty()) return absl::FailedPreconditionError("the collector was started without a policy file");
  auto file = read_file(path_);
  if (auto status = note(file.status()); !status.ok()) return status;
  return file;
}

absl::Status PolicySource::take_up(PolicyFile file, absl::Time now) {
  const std::string version = file.policy.version();
  const auto changed = history_.take_up(std::move(file), now);
  if (auto status = note(changed.status()); !status.ok() || !*changed) return status;
  spdlog::info("policy '{}' is in force", version);
  listener_(history_.current());
  return absl::OkStatus();
}

absl::Status PolicySource::note(absl::Status status) {
  const std::lock_guard lock(mutex_);
  const std::string problem = status.ok() ? std::string() : std::string(status.message());
  if (!problem.empty() && problem != problem_) spdlog::error("the policy in force stays: {}", problem);
  problem_ = problem;
  return status;
}

std::vector<std::string> PolicySource::problems() const {
  const std::lock_guard lock(mutex_);
  if (problem_.empty()) return {};
  // One line of what may be many.
  const std::size_t end = problem_.find('\n');
  const std::string more = end == std::string::npos ? "" : " (and more)";
  return {absl::StrCat("the policy file is refused and the policy in force stays: ", problem_.substr(0, end), more)};
}

}  // namespace bulkhead::policy
