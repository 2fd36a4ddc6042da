#include "agent/survey.h"

#include <chrono>
#include <future>
#include <memory>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "agent/inventory/libvirt_daemons.h"
#include "agent/inventory/libvirt_inventory.h"
#include "agent/libvirt_options.h"
#include "agent/ownership/ownership.h"
#include "agent/policy/host_policy.h"
#include "agent/policy/kept_policy.h"
#include "agent/probes/probe_set.h"
#include "agent/statements.h"

namespace bulkhead {
namespace {

constexpr std::chrono::seconds kPatience{10};

}  // namespace

absl::StatusOr<v1::Coverage> survey_probes(const config::Config& config) {
  absl::StatusOr<std::unique_ptr<probes::ProbeSet>> probes =
      probes::ProbeSet::load({.ring_kib_per_cpu = config.ring_kib_per_cpu, .sweeps = config.sweep.is_on()});
  if (!probes.ok()) return probes.status();
  (*probes)->follow_libvirt(inventory::find_libvirt_files().libraries);
  return coverage_of(**probes);
}

absl::StatusOr<v1::Inventory> survey_inventory(const config::Config& config) {
  absl::StatusOr<std::unique_ptr<probes::ProbeSet>> probes = probes::ProbeSet::load({.ring_kib_per_cpu = 4});
  if (!probes.ok()) return probes.status();
  absl::StatusOr<std::unique_ptr<ownership::Ownership>> ownership =
      ownership::Ownership::create((*probes)->ownership(), "", config.trusted_services, config.vmm_files);
  if (!ownership.ok()) return ownership.status();

  // Tenants as the agent sees them; without the right to read its state, as its configuration has them.
  inventory::LibvirtOptions options = libvirt_options(config);
  if (const auto kept = policy::KeptPolicy(config.state_dir).load(); kept.ok() && kept->has_value()) {
    const auto policy = policy::read_pushed(**kept, {});
    if (policy.ok()) {
      options.tenant_rules = policy::tenant_rules_of(*policy, config);
      (*ownership)->set_base_images(policy->base_images);
    }
  }
  std::promise<std::shared_ptr<const inventory::Snapshot>> first;
  std::once_flag told;
  absl::StatusOr<std::unique_ptr<inventory::LibvirtInventory>> inventory =
      inventory::LibvirtInventory::start(std::move(options), [&](std::shared_ptr<const inventory::Snapshot> snapshot) {
        if (snapshot->connected) std::call_once(told, [&] { first.set_value(std::move(snapshot)); });
      });
  if (!inventory.ok()) return inventory.status();
  auto answer = first.get_future();
  if (answer.wait_for(kPatience) != std::future_status::ready) {
    return absl::UnavailableError(
        absl::StrCat("libvirt does not answer at ", config.libvirt.uri, ": ", (*inventory)->snapshot()->error));
  }
  // Headers are left to the agent: read by another process, that would be an event.
  return (*ownership)->apply(*answer.get()).inventory;
}

}  // namespace bulkhead
