// One connection to libvirt, as values and statuses. Internal to agent/inventory: libvirt stays behind it.
#pragma once

#include <libvirt/libvirt.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/inventory/domain_facts.h"

namespace bulkhead::inventory {

// Registers libvirt's default event loop, once for the process, and keeps libvirt from writing to stderr.
absl::Status prepare_libvirt();

// Used on one thread, the one that runs libvirt's event loop: the listener is called from there, by
// virEventRunDefaultImpl().
class LibvirtConnection {
 public:
  struct Listener {
    std::function<void(std::string uuid)> changed;
    std::function<void()> closed;
  };

  // Read-only. Unavailable with libvirt's own words when it cannot be reached. Events are on when this returns, so
  // that nothing falls between them and a scan.
  static absl::StatusOr<std::unique_ptr<LibvirtConnection>> open(const std::string& uri, Listener listener);
  ~LibvirtConnection();
  LibvirtConnection(const LibvirtConnection&) = delete;
  LibvirtConnection& operator=(const LibvirtConnection&) = delete;

  // Asks libvirt's client, not the other side: cheap.
  bool is_alive() const;

  // Every domain, active or not; one that vanishes meanwhile is left out.
  absl::StatusOr<std::vector<DomainFacts>> describe_all();
  // NotFound when there is no such domain (any more).
  absl::StatusOr<DomainFacts> describe(const std::string& uuid);
  absl::StatusOr<std::string> uuid_of(const std::string& name);
  // Path of a storage pool's volume, "pool/volume".
  absl::StatusOr<std::string> volume_path(const std::string& pool_and_volume);

 private:
  LibvirtConnection(virConnectPtr connection, Listener listener);
  absl::Status register_events();
  absl::StatusOr<DomainFacts> facts_of(virDomainPtr domain);

  const virConnectPtr connection_;
  const Listener listener_;
  std::vector<int> registrations_;
  bool has_close_callback_ = false;
};

}  // namespace bulkhead::inventory
