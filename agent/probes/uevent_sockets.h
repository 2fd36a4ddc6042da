// Filters on sockets that the kernel tells changes of devices to (lib/kobject_uevent.c). A filter runs on the thread
// whose act the change is, before that act returns. What it lets through nobody reads, so it lets nothing through. Only
// for this folder.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "agent/probes/bpf_handles.h"

namespace bulkhead::probes {

// Belongs to one thread. Nobody else has the sockets, so nobody can detach what is on them.
class UeventSockets {
 public:
  // The program is of type "socket". It is on its socket until this goes.
  absl::Status add(bpf_program* program);
  // Those of another, too.
  void take(UeventSockets other);

 private:
  std::vector<FileDescriptor> sockets_;
};

}  // namespace bulkhead::probes
