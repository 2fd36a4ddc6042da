// Loads the probes, attaches what this kernel allows, and says what that is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/probes/host_sweep.h"
#include "agent/probes/ledger_maps.h"
#include "agent/probes/ownership_maps.h"
#include "agent/probes/probe_table.h"
#include "bulkhead/v1/host.pb.h"

namespace bulkhead::probes {

struct Options {
  // Each possible CPU has a ring of its own. A power of two, at least 4.
  std::uint32_t ring_kib_per_cpu = 512;
  // Without, the probe that sweeps is told as turned off.
  bool sweeps = true;
};

// A hook that is missing because what it watches is not on this host, or was not found yet: libvirt, SMT siblings.
// Nothing goes unseen by that.
bool has_nothing_to_watch(const v1::ProbeCoverage& row);

// One thread uses it at a time. Everything is detached and freed with it; nothing is pinned.
class ProbeSet {
 public:
  // Fails only when nothing can work: FailedPrecondition without BTF or BPF, PermissionDenied without privilege. A
  // probe that this kernel refuses is a row of coverage(), not an error.
  static absl::StatusOr<std::unique_ptr<ProbeSet>> load(const Options& options,
                                                        std::span<const Probe> table = probe_table());
  ~ProbeSet();
  ProbeSet(const ProbeSet&) = delete;
  ProbeSet& operator=(const ProbeSet&) = delete;

  // One row per hook.
  const std::vector<v1::ProbeCoverage>& coverage() const;

  OwnershipMaps& ownership();
  LedgerMaps& ledgers();

  // The files that are libvirt.so.0 on this host, now: probes on its USDT hooks are attached to them, and to no others.
  // Until it is called those hooks are missing. True when coverage() changed.
  bool follow_libvirt(std::span<const std::string> libraries);

  // Hooks that were attached and are not any more, though nothing here let go of them: each is told once, and its row
  // of coverage() says so from then on.
  std::vector<v1::ProbeCoverage> find_detached();

  // Lets probes tell what nothing in the kernel reminds them of, such as calls that go unanswered, and looks whether
  // CPUs came or went. To be called every second. True when coverage() changed.
  bool tend();

  // Null when this kernel allows not all of the sweep. It may be used by another thread, and outlive this: then nobody
  // drains what it tells.
  std::unique_ptr<HostSweep> host_sweep() const;

  // Readable when there are records.
  int poll_descriptor() const;

  // Takes every record out of every ring, in each ring's order. The bytes are gone after the call.
  void drain(const std::function<void(std::span<const std::byte>)>& on_record);

  // Since load(), per probe: the members that the kernel counts. A run of a program that the kernel skipped because it
  // was running already is in both `seen` and `lost`.
  std::vector<v1::ProbeCounters> counters() const;

 private:
  class Impl;
  explicit ProbeSet(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace bulkhead::probes
