#include "agent/health/health.h"

#include <unistd.h>

#include <fstream>
#include <utility>

#include "agent/spool/loss.h"
#include "proto/batch/event_time.h"

namespace bulkhead::health {

Reporter::Reporter(Sources sources) : sources_(std::move(sources)), began_boot_ns_(sources_.clock().boot_ns) {}

Report Reporter::report() {
  Report report;
  const spool::Moment now = sources_.clock();
  v1::Health& health = report.health;
  batch::set_nanoseconds(now.wall_ns, health.mutable_time());

  std::vector<v1::ProbeCounters> counters = sources_.counters();
  const std::map<v1::Probe, std::uint64_t> malformed = sources_.malformed();
  const spool::Statistics spool = sources_.spool();
  std::map<v1::Probe, std::uint64_t> spooled = spool.spooled;
  for (v1::ProbeCounters& counter : counters) {
    counter.set_spooled(std::exchange(spooled[counter.probe()], 0));
    state_growth(counter.probe(), v1::Loss::PLACE_KERNEL, counter.lost(), now, &report.losses);
    *health.add_counters() = std::move(counter);
  }
  // What no kernel hook counts, such as the agent's own events.
  for (const auto& [probe, count] : spooled) {
    if (count == 0) continue;
    v1::ProbeCounters* counter = health.add_counters();
    counter->set_probe(probe);
    counter->set_spooled(count);
  }
  for (const auto& [probe, count] : malformed) {
    health.set_malformed(health.malformed() + count);
    state_growth(probe, v1::Loss::PLACE_DECODE, count, now, &report.losses);
  }

  health.set_spooled_through(spool.spooled_through);
  health.set_acknowledged_through(spool.acknowledged_through);
  health.set_spool_bytes(spool.bytes);
  health.set_spool_dropped_events(spool.dropped_events);
  health.set_resident_bytes(sources_.resident_bytes());
  const InventoryState inventory = sources_.inventory();
  health.set_inventory_connected(inventory.connected);
  health.set_inventory_error(inventory.error);
  health.set_policy_sha256(sources_.policy_sha256());
  return report;
}

void Reporter::state_growth(v1::Probe probe, v1::Loss::Place place, std::uint64_t count, const spool::Moment& now,
                            std::vector<v1::Event>* losses) {
  const auto [entry, is_new] = stated_.try_emplace({probe, place}, Stated{.boot_ns = began_boot_ns_});
  Stated& stated = entry->second;
  if (count > stated.count) {
    losses->push_back(spool::loss_event(probe, count - stated.count, place, stated.boot_ns, now));
  }
  // A count that fell began again, for instance because its probe was attached anew.
  stated = {.count = count, .boot_ns = now.boot_ns};
}

std::uint64_t resident_bytes(const std::string& statm) {
  std::ifstream file(statm);
  std::uint64_t total_pages = 0;
  std::uint64_t resident_pages = 0;
  if (!(file >> total_pages >> resident_pages)) return 0;
  return resident_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace bulkhead::health
