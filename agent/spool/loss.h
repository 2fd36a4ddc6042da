// Loss is an event of its own (SENS-03): one shape for all who have to state one.
#pragma once

#include <cstdint>
#include <string>

#include "agent/spool/clock.h"
#include "bulkhead/v1/event.pb.h"

namespace bulkhead::spool {

// The probe's name as the tables and users know it: PROBE_MEMORY_PROCESS_VM is "memory.process_vm". A number that this
// agent does not know is "probe.<number>".
std::string probe_name(v1::Probe probe);

// Of PROBE_AGENT, about the object of kind PROBE that is called probe_name(lost), of tenant "host".
v1::Event loss_event(v1::Probe lost, std::uint64_t count, v1::Loss::Place place, std::uint64_t window_start_ns,
                     const Moment& now);

}  // namespace bulkhead::spool
