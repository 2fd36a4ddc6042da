// The least that the product can watch: a private libvirt with one domain of acme's, a collector and an agent.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/stage/alert_stream.h"
#include "tests/support/stage/domain.h"
#include "tests/support/stage/private_libvirt.h"
#include "tests/support/stage/product.h"

namespace bulkhead::stage {

inline constexpr Milliseconds kPatience(60'000);

// Why this machine cannot; empty when it can.
std::string missing_for_host();

// Destroyed in the reverse order of its members.
struct SmallHost {
  PrivateLibvirt libvirt;
  Collector collector;
  std::optional<Agent> agent;
  std::unique_ptr<Hypervisor> hypervisor;
  std::unique_ptr<Domain> acme;

  // The domain is defined and off; the agent is not started. With a policy's text, the collector works by it.
  // `devices`: more of libvirt's XML for the domain's.
  static std::unique_ptr<SmallHost> make(const std::string& policy = "", const std::string& devices = "",
                                         bool listen_tcp = false, bool sandbox = true);

  // Writes the collector's policy file anew and asks for its reading by SIGHUP.
  void change_policy(const std::string& policy);

  // `wrapper`: as Agent::start() has it.
  void start_agent(const std::string& configuration = "", std::vector<std::string> wrapper = {});
  // The agent's and the collector's, for a failed test.
  std::string logs() const;

  // The first line of "bulkheadctl hosts --format json".
  std::string host_json() const;
};

// A process of the host that reads this VMM's memory `times` times: its pid.
pid_t read_memory(pid_t vmm, int times = 1);

}  // namespace bulkhead::stage
