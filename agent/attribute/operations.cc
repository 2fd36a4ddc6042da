#include "agent/attribute/operations.h"

#include <fcntl.h>

namespace bulkhead::attribute {

namespace {

using config::Operation;

config::Operations of_flags(std::uint32_t flags, Operation read, Operation write) {
  switch (flags & O_ACCMODE) {
    case O_RDONLY:
      return {read};
    case O_WRONLY:
      return {write};
    default:
      // O_RDWR, and the mode 3 that only drivers know.
      return {read, write};
  }
}

}  // namespace

config::Operations operations_of(const v1::MemoryAccess& access) {
  switch (access.operation()) {
    case v1::MEMORY_OPERATION_PROCESS_VM_READ:
    case v1::MEMORY_OPERATION_PROC_MEM_READ:
      return {Operation::kMemoryRead};
    case v1::MEMORY_OPERATION_PROCESS_VM_WRITE:
    case v1::MEMORY_OPERATION_PROC_MEM_WRITE:
      return {Operation::kMemoryWrite};
    case v1::MEMORY_OPERATION_PTRACE:
    case v1::MEMORY_OPERATION_PERF_EVENT:
    case v1::MEMORY_OPERATION_PROCESS_MADVISE:
    case v1::MEMORY_OPERATION_KCMP:
    case v1::MEMORY_OPERATION_UPROBE:
      return {Operation::kMemoryDebug};
    case v1::MEMORY_OPERATION_PROC_MEM_OPEN:
    case v1::MEMORY_OPERATION_PROC_MEM_RECEIVE:
      return of_flags(access.open_flags(), Operation::kMemoryRead, Operation::kMemoryWrite);
    default:
      return config::kAccessMemory;
  }
}

config::Operations operations_of(const v1::FileOpen& open) {
  return of_flags(open.flags(), Operation::kVolumeRead, Operation::kVolumeWrite);
}

config::Operations operations_of(const v1::VolumeIo& io) {
  config::Operations operations;
  if (io.bytes_read() != 0 || io.bytes_mapped() != 0) operations.add(Operation::kVolumeRead);
  if (io.bytes_written() != 0 || io.bytes_discarded() != 0) operations.add(Operation::kVolumeWrite);
  return operations;
}

config::Operations operations_of(const v1::VolumeChange& change) {
  const bool is_copy = change.kind() == v1::VOLUME_CHANGE_KIND_CLONED;
  return {is_copy ? Operation::kVolumeRead : Operation::kVolumeWrite};
}

config::Operations operations_of(const v1::VolumeMapping& mapping) {
  if (mapping.read_only()) return {Operation::kVolumeRead};
  return {Operation::kVolumeRead, Operation::kVolumeWrite};
}

config::Operations memory_operations_of(const v1::FileOpen& open) {
  return of_flags(open.flags(), Operation::kMemoryRead, Operation::kMemoryWrite);
}

config::Operations operations_of(const v1::Holding& holding, v1::ObjectKind held) {
  // A machine that runs past libvirt.
  if (held == v1::OBJECT_KIND_VIRTUAL_MACHINE) return {Operation::kPower};
  const bool is_volume = held == v1::OBJECT_KIND_VOLUME;
  const Operation read = is_volume ? Operation::kVolumeRead : Operation::kMemoryRead;
  const Operation write = is_volume ? Operation::kVolumeWrite : Operation::kMemoryWrite;
  if (holding.kind() == v1::HOLDING_KIND_DESCRIPTOR) return of_flags(holding.open_flags(), read, write);
  return holding.writable() ? config::Operations{read, write} : config::Operations{read};
}

config::Operations operations_of(const v1::ControlCall& call) {
  // The categories are operations, in the same order.
  static_assert(static_cast<unsigned>(Operation::kPower) - static_cast<unsigned>(Operation::kMemoryDump) ==
                v1::CONTROL_CATEGORY_POWER - v1::CONTROL_CATEGORY_MEMORY_DUMP);
  const int category = call.category();
  if (category < v1::CONTROL_CATEGORY_MEMORY_DUMP || category > v1::CONTROL_CATEGORY_POWER) return {};
  return {static_cast<Operation>(static_cast<unsigned>(Operation::kMemoryDump) +
                                 static_cast<unsigned>(category - v1::CONTROL_CATEGORY_MEMORY_DUMP))};
}

config::Operations operations_of(const v1::EndpointAccess& access) {
  switch (access.kind()) {
    case v1::ENDPOINT_KIND_MONITOR:
      return {Operation::kMonitor};
    case v1::ENDPOINT_KIND_GUEST_AGENT:
      return {Operation::kGuestAgent};
    default:
      return {Operation::kConsole};
  }
}

}  // namespace bulkhead::attribute
