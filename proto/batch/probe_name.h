// How people write a probe: "memory.process_vm" for PROBE_MEMORY_PROCESS_VM, "agent" for PROBE_AGENT, "probe.99"
// for one of a newer version. The agent's table of probes has the same names.
#pragma once

#include <string>

#include "bulkhead/v1/event.pb.h"

namespace bulkhead::batch {

std::string probe_name(v1::Probe probe);

}  // namespace bulkhead::batch
