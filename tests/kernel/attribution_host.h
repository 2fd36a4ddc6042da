// The real probes, ownership taken from a snapshot, and the attributor: from a real act to an event with names.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/attribute/attributor.h"
#include "agent/ownership/ownership.h"
#include "tests/kernel/kernel_host.h"

namespace bulkhead::test {

// Its uuid is "uuid-of-" and its name.
inventory::Domain domain(const std::string& name, const std::string& tenant);
inventory::Volume volume(const std::string& path, bool read_only = false);
inventory::Snapshot snapshot_of(std::vector<inventory::Domain> domains);

class AttributionHost {
 public:
  // Besides those that most of these tests need.
  explicit AttributionHost(v1::Probe more = v1::PROBE_CONTROL_VMM_LIFECYCLE);

  // Everything that was told until now, as events; lifecycle records are taken as the agent takes them.
  std::vector<v1::Event> events(attribute::Attributor::Clock::time_point now = attribute::Attributor::Clock::now());

  TemporaryDirectory state;
  KernelHost kernel;
  std::unique_ptr<ownership::Ownership> ownership;
  std::unique_ptr<attribute::Attributor> attributor;
};

}  // namespace bulkhead::test
