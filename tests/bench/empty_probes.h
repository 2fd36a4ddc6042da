// An empty program at every hook that Bulkhead's probes use on this kernel, attached while it lives: what the kernel
// itself asks for being hooked there.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "agent/probes/bpf_handles.h"

namespace bulkhead::bench {

class EmptyProbes {
 public:
  // In the best mechanism of each probe that the kernel takes. Not in libvirt's daemons, nor sweeps, which run at no
  // act of anybody's.
  static absl::StatusOr<EmptyProbes> attach();

 private:
  std::vector<probes::FileDescriptor> links_;
};

}  // namespace bulkhead::bench
