// The policy file of a running collector: read at the start, at SIGHUP and when someone asks for it. A bad file is
// refused whole, and what runs stays.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "collector/policy/history.h"
#include "collector/policy/policy_file.h"

namespace bulkhead::policy {

// Thread safe.
class PolicySource {
 public:
  // Called with the policy that is in force from now on, on the thread of take_up().
  using Listener = std::function<void(const PolicyHistory::Pointer& policy)>;

  // `path` may be empty: there is no file, and nothing to read. `history` outlives the source.
  PolicySource(std::string path, PolicyHistory& history, Listener listener)
      : path_(std::move(path)), history_(history), listener_(std::move(listener)) {}

  bool has_file() const { return !path_.empty(); }

  // The file as it is now, checked; nothing changes, so that other files can be checked before this one counts. Its
  // errors (kInvalidArgument) are kept for problems() until it can be read again. kFailedPrecondition without a file.
  absl::StatusOr<PolicyFile> read();
  // Puts it in force, and tells the listener if it is another one.
  absl::Status take_up(PolicyFile file, absl::Time now);

  // What needs a person now, a line each.
  std::vector<std::string> problems() const;

 private:
  absl::Status note(absl::Status status);

  const std::string path_;
  PolicyHistory& history_;
  const Listener listener_;

  mutable std::mutex mutex_;
  std::string problem_;  // guarded by mutex_
};

}  // namespace bulkhead::policy
