// Any bytes as a policy file: nothing crashes, messages keep what they promise, and a policy that is accepted is one
// that everything behind it can work with.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "collector/policy/difference.h"
#include "collector/policy/permission.h"
#include "collector/policy/policy_file.h"
#include "proto/batch/limits.h"

using namespace bulkhead;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_refusal(const std::string& message) {
  require(message.starts_with("fuzz.yaml:"));
  require(message.size() <= 200'000);
  require(message.find_first_of("\x1b\r\a") == std::string::npos);
}

void use(const v1::Policy& policy) {
  require(!policy.version().empty() && policy.sha256().size() == 64);
  require(policy.ByteSizeLong() <= policy::kMostBytes);
  require(policy::differences(policy, policy).empty());
  require(policy::differences({}, policy).size() >= static_cast<std::size_t>(policy.peerings_size()));
  require(policy::for_agents(policy).ByteSizeLong() <= limits::kMessageBytes);
  v1::Event event;
  event.mutable_frame_delivery();
  for (const v1::Peering& peering : policy.peerings()) {
    event.mutable_actor()->set_tenant(peering.tenants(0));
    event.mutable_object()->set_tenant(peering.tenants(1));
    const auto nowhere = [](const std::string&, const std::string&) { return std::nullopt; };
    require(policy::permission(policy, event, nowhere).has_value());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = policy::parse(std::string(reinterpret_cast<const char*>(data), size), "fuzz.yaml");
  if (file.ok()) {
    use(file->policy);
  } else {
    check_refusal(std::string(file.status().message()));
  }
  return 0;
}
