// Loss is an event of its own (SENS-03): one shape for all who have to state one.
#pragma once

#include <cstdint>

#include "agent/spool/clock.h"
#include "bulkhead/v1/event.pb.h"

namespace bulkhead::spool {

// Of PROBE_AGENT, about the object of kind PROBE that is called batch::probe_name(lost), of tenant "host".
v1::Event loss_event(v1::Probe lost, std::uint64_t count, v1::Loss::Place place, std::uint64_t window_start_ns,
                     const Moment& now);

}  // namespace bulkhead::spool
