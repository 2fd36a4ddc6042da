// The host's domains as libvirt tells them: a scan at the start, events from then on.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/config/config.h"
#include "agent/config/tenant_rules.h"
#include "agent/inventory/model.h"

namespace bulkhead::inventory {

struct LibvirtOptions {
  std::string uri = "qemu:///system";
  std::string run_dir = "/run/libvirt";
  std::vector<config::TenantRule> tenant_rules;
  config::OpenNebulaOwner opennebula = config::OpenNebulaOwner::kGroup;

  // Full rescan, for what no event tells. Effect: at most this long until such a change shows.
  std::chrono::milliseconds rescan_interval{60'000};
  // Between attempts to reach libvirt: doubles from the first to the last.
  std::chrono::milliseconds reconnect_first{200};
  std::chrono::milliseconds reconnect_last{3'000};
};

// The facts that a running process of unknown nature has about it.
struct VmmIdentity {
  enum class Verdict {
    kDomain,      // the VMM of the domain named here, by libvirt's own pid file
    kNotADomain,  // no VMM: libvirt's capability probe, someone's own emulator, or it has ended
    kNotYetKnown  // ask again in some milliseconds, for some seconds; then treat it as no VMM
  };
  Verdict verdict = Verdict::kNotYetKnown;
  std::string domain_uuid;  // for kDomain
  std::string domain_name;
  // For kDomain, as in Domain. Empty when the domain is not in the snapshot yet: it is being asked for, and the next
  // callback has it.
  std::string tenant;
  std::uint64_t start_ticks = 0;  // for kDomain: the process's start, clock ticks since boot
  // For kDomain, as in Domain, and as libvirt's status file has it now.
  std::optional<std::vector<HostFile>> host_files;
  std::string reason;  // for the others, for the log
};

// Owns a thread that runs libvirt's event loop, which a process has only one of: one instance at a time. A read-only
// connection serves for everything. All member functions are thread safe and none waits for libvirt, except the
// destructor: it waits for the call in progress (with a libvirtd that hangs: until keepalive gives up, 15 s).
class LibvirtInventory {
 public:
  // Called on the inventory's thread, with every change, soon (about 5 ms) after libvirt told of it; a burst of changes
  // makes few calls. Must not block long and must not destroy the inventory. Never called with null.
  using Callback = std::function<void(std::shared_ptr<const Snapshot>)>;

  // Returns at once. The first callback is the first full scan, or a snapshot with connected = false and the error;
  // libvirt is then tried again until it answers. When the connection is lost, the domains last known stay in the
  // snapshots, marked connected = false. FailedPrecondition when another instance lives.
  static absl::StatusOr<std::unique_ptr<LibvirtInventory>> start(LibvirtOptions options, Callback callback);

  ~LibvirtInventory();
  LibvirtInventory(const LibvirtInventory&) = delete;
  LibvirtInventory& operator=(const LibvirtInventory&) = delete;

  // The newest; never null.
  std::shared_ptr<const Snapshot> snapshot() const;

  // For a process whose exec of an emulator was just seen. Reads libvirt's pid files, well under a millisecond.
  VmmIdentity identify_vmm(std::uint32_t pid);

  // Asks libvirt about one domain again, by uuid. A callback follows, also when nothing changed.
  void refresh(std::string_view uuid);

  // Replaces the mapping; a callback follows when that changes someone's tenant.
  void set_tenant_rules(std::vector<config::TenantRule> rules);

 private:
  class Impl;
  explicit LibvirtInventory(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace bulkhead::inventory
