// Looks at everything that the host's processes have, by the kernel's iterators. What crosses tenants comes out of the
// rings as any other record does.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/probes/ownership_maps.h"

namespace bulkhead::probes {

// A VMM has this file mapped as only guest memory is (ebpf/lib/guest_memory.bpf.h).
struct MemoryClaim {
  FileKey key;
  Owner owner;
  ProcessKey vmm;
  std::uint64_t bytes = 0;  // of this mapping
  std::string path;         // "/dev/shm/guest-1"; "/memfd:NAME" for one that has no folder
};

// Of the iterators' links; owned by who gets them.
struct SweepDescriptors {
  int guest_memory = -1;
  int descriptors = -1;
  int mappings = -1;
  int machines = -1;
};

// One thread uses it at a time. Both calls together take some 17 ms of CPU per hundred processes (docs/benchmarks.md),
// and longer by the clock when a process is in the midst of changing its mappings: they wait for it.
class HostSweep {
 public:
  // Takes over the descriptors.
  explicit HostSweep(SweepDescriptors links) : links_(links) {}
  ~HostSweep();
  HostSweep(const HostSweep&) = delete;
  HostSweep& operator=(const HostSweep&) = delete;

  // One for each such mapping of each VMM, 65,536 at most. DataLoss when the kernel's text is not understood.
  absl::StatusOr<std::vector<MemoryClaim>> guest_memory() const;

  // Judges what each process has by the ownership maps, as they are now.
  absl::Status judge() const;

 private:
  const SweepDescriptors links_;
};

}  // namespace bulkhead::probes
