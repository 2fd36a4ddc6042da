// Who plays: two tenants on one host. acme has acme-1, its twin acme-2, and acme-vault, which is shut off; globex has
// globex-1. Each tenant has a bridge of its own.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/support/stage/domain.h"
#include "tests/support/stage/private_libvirt.h"
#include "tests/support/stage/product.h"

namespace bulkhead::stage {

inline constexpr char kAcme[] = "acme";
inline constexpr char kGlobex[] = "globex";
inline constexpr char kAcmeBridge[] = "br-acme";
inline constexpr char kGlobexBridge[] = "br-globex";
inline constexpr char kAcme1Address[] = "10.77.0.11";
inline constexpr char kAcme2Address[] = "10.77.0.12";

// Destroyed in the reverse order of its members: domains, hypervisor, product, libvirt.
struct Cast {
  using Narrator = std::function<void(const std::string&)>;

  PrivateLibvirt libvirt;
  Collector collector;
  Agent agent;
  std::unique_ptr<Hypervisor> hypervisor;
  std::unique_ptr<Domain> acme_1, acme_2, acme_vault, globex_1;

  // Starts the private libvirt, collector, agent and then the domains, so that the agent sees them come. Returns once
  // the agent watches all three running domains; guests may still boot. `narrate` is told what takes time.
  static absl::StatusOr<std::unique_ptr<Cast>> assemble(const Narrator& narrate);

  // Until every guest takes orders.
  absl::Status wait_for_guests();

  // Ends everything in an orderly way. The first error tells what did not end, or stayed behind; the destructor, which
  // is less polite, does the same without telling.
  absl::Status leave();

  // Collector's, agent's and libvirtd's logs: removed with the rest at the end.
  std::filesystem::path directory() const { return libvirt.state_dir(); }
};

}  // namespace bulkhead::stage
