// Which operations an access is, in the words of policy and grants.
#pragma once

#include "agent/config/operations.h"
#include "bulkhead/v1/event.pb.h"

namespace bulkhead::attribute {

// All that it is: what was opened for reading and writing is both. For an operation that this version does not know,
// all of its kind. O_TRUNC is not among the flags that the kernel keeps: an open for reading that cuts the file off
// tells as reading alone.
config::Operations operations_of(const v1::MemoryAccess& access);
config::Operations operations_of(const v1::FileOpen& open);
// A copy reads; all else that is done with a volume writes.
config::Operations operations_of(const v1::VolumeChange& change);
config::Operations operations_of(const v1::Holding& holding, v1::ObjectKind held);
config::Operations operations_of(const v1::VolumeIo& io);
config::Operations operations_of(const v1::VolumeMapping& mapping);
// Where the file is memory.
config::Operations memory_operations_of(const v1::FileOpen& open);

// Empty for a call that this version does not know: who is trusted with any call is trusted with it.
config::Operations operations_of(const v1::ControlCall& call);

config::Operations operations_of(const v1::EndpointAccess& access);

}  // namespace bulkhead::attribute
