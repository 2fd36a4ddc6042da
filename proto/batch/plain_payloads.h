// The payloads that are one and the same message in `Event` and in `PackedEvent`: (case, field). Private to this
// folder.
#pragma once

#define BULKHEAD_PLAIN_PAYLOADS(X)    \
  X(kMemoryAccess, memory_access)     \
  X(kFileOpen, file_open)             \
  X(kLoss, loss)                      \
  X(kTenantChange, tenant_change)     \
  X(kGrantChange, grant_change)       \
  X(kPolicyChange, policy_change)     \
  X(kControlCall, control_call)       \
  X(kEndpointAccess, endpoint_access) \
  X(kVmmAct, vmm_act)                 \
  X(kHolding, holding)                \
  X(kPageMerge, page_merge)           \
  X(kSensorFault, sensor_fault)       \
  X(kCoverageChange, coverage_change) \
  X(kAgentStop, agent_stop)           \
  X(kCoreDump, core_dump)             \
  X(kClaim, claim)                    \
  X(kSiblingTime, sibling_time)       \
  X(kVolumeIo, volume_io)             \
  X(kVolumeChange, volume_change)     \
  X(kVolumeMapping, volume_mapping)   \
  X(kResidueRead, residue_read)       \
  X(kWipeRecord, wipe_record)         \
  X(kSharedVolume, shared_volume)
