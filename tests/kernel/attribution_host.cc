#include "tests/kernel/attribution_host.h"

#include <catch2/catch.hpp>
#include <utility>
#include <variant>

namespace bulkhead::test {

using attribute::Attributor;

inventory::Domain domain(const std::string& name, const std::string& tenant) {
  inventory::Domain one;
  one.uuid = "uuid-of-" + name;
  one.name = name;
  one.tenant = tenant;
  one.tenant_source = "bulkhead";
  one.emulator = "/usr/bin/qemu-system-x86_64";
  return one;
}

inventory::Volume volume(const std::string& path, bool read_only) {
  inventory::Volume one;
  one.source = path;
  one.type = "file";
  one.target = "vda";
  one.read_only = read_only;
  return one;
}

inventory::Snapshot snapshot_of(std::vector<inventory::Domain> domains) {
  return {.domains = std::move(domains), .connected = true, .error = ""};
}

AttributionHost::AttributionHost(v1::Probe more)
    : kernel({v1::PROBE_CONTROL_VMM_LIFECYCLE, v1::PROBE_MEMORY_PROCESS_VM, more}) {
  auto created = ownership::Ownership::create(kernel.maps(), state.path(), {});
  if (!created.ok()) FAIL(created.status().message());
  ownership = *std::move(created);
  attributor = std::make_unique<Attributor>(*ownership);
}

std::vector<v1::Event> AttributionHost::events(Attributor::Clock::time_point now) {
  for (decode::Record& record : kernel.collect_until_marker()) {
    if (const auto* change = std::get_if<decode::LifecycleRecord>(&record)) {
      const auto& key = change->header.actor_key;
      if (change->change == decode::LifecycleRecord::Change::kEmulatorExec) {
        ownership->starting().begin({key.tgid, key.start_ns}, now);
      }
    } else {
      attributor->take(std::move(record), now);
    }
  }
  return attributor->ready(now, 0);
}

}  // namespace bulkhead::test
