// The payloads that are one and the same message in `Event` and in `PackedEvent`: (case, field). Private to this
// folder.
#pragma once

#define BULKHEAD_PLAIN_PAYLOADS(X) \
  X(kMemoryAccess, memory_access)  \
  X(kFileOpen, file_open)          \
  X(kLoss, loss)                   \
  X(kTenantChange, tenant_change)  \
  X(kGrantChange, grant_change)    \
  X(kPolicyChange, policy_change)  \
  X(kControlCall, control_call)    \
  X(kEndpointAccess, endpoint_access)
