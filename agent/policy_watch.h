// The provider's policy that this host works by: the one that was kept, until the collector pushes another.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "agent/policy/host_policy.h"
#include "bulkhead/v1/policy.pb.h"

namespace bulkhead {

// Belongs to the thread that runs `io`, but for take_pushed().
class PolicyWatch {
 public:
  // `changed` is called after each change of current(). Begins with what was kept in `state_dir`; what cannot be used
  // is as if it were not there: the collector sends its policy again.
  PolicyWatch(boost::asio::io_context& io, std::string state_dir, policy::HostNames host,
              std::function<void()> changed);

  const policy::HostPolicy& current() const { return policy_; }

  // From any thread. The newest is used; those before it that wait still are passed over.
  void take_pushed(v1::AgentPolicy pushed);

 private:
  void load_kept();
  void use_pushed();

  boost::asio::io_context& io_;
  const std::string state_dir_;
  const policy::HostNames host_;
  const std::function<void()> changed_;
  policy::HostPolicy policy_;
  std::string refused_;  // why the one that was told as refused last was

  std::mutex mutex_;
  std::optional<v1::AgentPolicy> pushed_;  // guarded by mutex_
};

}  // namespace bulkhead
