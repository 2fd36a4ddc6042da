#include "agent/policy_watch.h"

#include <boost/asio/post.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/policy/kept_policy.h"
#include "spdlog/spdlog.h"

namespace bulkhead {

PolicyWatch::PolicyWatch(boost::asio::io_context& io, std::string state_dir, policy::HostNames host,
                         std::function<void()> changed)
    : io_(io), state_dir_(std::move(state_dir)), host_(std::move(host)), changed_(std::move(changed)) {
  load_kept();
}

void PolicyWatch::load_kept() {
  const auto kept = policy::KeptPolicy(state_dir_).load();
  if (!kept.ok()) spdlog::warn("the policy that was kept is not used: {}", std::string(kept.status().message()));
  if (!kept.ok() || !kept->has_value()) return;
  auto read = policy::read_pushed(**kept, host_);
  if (!read.ok()) {
    spdlog::warn("the policy that was kept is not used: {}", std::string(read.status().message()));
    return;
  }
  policy_ = *std::move(read);
  if (!policy_.sha256.empty()) spdlog::info("working by policy '{}', as before", policy_.version);
}

void PolicyWatch::take_pushed(v1::AgentPolicy pushed) {
  const std::lock_guard lock(mutex_);
  const bool waits = pushed_.has_value();
  pushed_ = std::move(pushed);
  if (!waits) boost::asio::post(io_, [this] { use_pushed(); });
}

void PolicyWatch::use_pushed() {
  std::optional<v1::AgentPolicy> pushed;
  {
    const std::lock_guard lock(mutex_);
    pushed.swap(pushed_);
  }
  if (!pushed) return;
  auto read = policy::read_pushed(*pushed, host_);
  if (!read.ok()) {
    const std::string why(read.status().message());
    if (std::exchange(refused_, why) != why) spdlog::error("the pushed policy is refused: {}", why);
    return;
  }
  refused_.clear();
  // Each connection begins with the policy in force.
  if (read->sha256 == policy_.sha256) return;
  if (absl::Status status = policy::KeptPolicy(state_dir_).save(*pushed); !status.ok()) {
    spdlog::error("the policy is used, but lost at a restart: {}", std::string(status.message()));
  }
  policy_ = *std::move(read);
  spdlog::info("working by {}", policy_.sha256.empty() ? "no policy" : absl::StrCat("policy '", policy_.version, "'"));
  changed_();
}

}  // namespace bulkhead
