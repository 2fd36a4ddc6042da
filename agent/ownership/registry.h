// The numbers that stand for tenants and domains in the kernel, and what they mean. A number is never used twice in a
// run of the agent, and a domain that is gone is remembered for a while: records about it may still be on their way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <unordered_map>

#include "agent/inventory/model.h"
#include "agent/probes/ownership_maps.h"

namespace bulkhead::ownership {

inline constexpr const char* kHostTenant = "host";

struct DomainFacts {
  std::string uuid;
  std::string name;
  std::string tenant;
  std::string emulator;
  probes::ProcessKey vmm;  // the latest one; tgid 0 before the first
};

// Belongs to one thread.
class Registry {
 public:
  // The owner that this domain's VMM, volumes and ports have. Takes over its name and tenant as they are now.
  probes::Owner assign(const inventory::Domain& domain);

  void set_vmm(std::uint32_t domain_number, const probes::ProcessKey& vmm);

  // The domain is gone from the host.
  void retire(const std::string& uuid);

  // "host" for 0; "contested" for a volume that two tenants claim; "unknown" for a number that was never handed out.
  const std::string& tenant(std::uint32_t number) const;

  // Null for 0 and for what is long gone.
  const DomainFacts* domain(std::uint32_t number) const;

 private:
  static constexpr std::size_t kRetiredKept = 4096;

  std::uint32_t next_tenant_ = 1;
  std::uint32_t next_domain_ = 1;
  std::unordered_map<std::string, std::uint32_t> tenant_numbers_;
  std::unordered_map<std::uint32_t, std::string> tenants_;
  std::unordered_map<std::string, std::uint32_t> domain_numbers_;  // by uuid, of those that are not retired
  std::unordered_map<std::uint32_t, DomainFacts> domains_;
  std::deque<std::uint32_t> retired_;
};

}  // namespace bulkhead::ownership
