#include "collector/grants/operations.h"

#include <fcntl.h>

#include <cstdint>

namespace bulkhead::grants {
namespace {

std::vector<v1::Operation> by_flags(std::uint32_t flags, v1::Operation read, v1::Operation write) {
  const std::uint32_t access = flags & O_ACCMODE;
  const bool writes = access == O_WRONLY || access == O_RDWR || (flags & O_TRUNC) != 0;
  // A descriptor that can neither read nor write (O_PATH, ioctl only) is the first half of a second open.
  const bool reads = access == O_RDONLY || access == O_RDWR || !writes;
  std::vector<v1::Operation> operations;
  if (reads) operations.push_back(read);
  if (writes) operations.push_back(write);
  return operations;
}

std::vector<v1::Operation> of_memory(const v1::MemoryAccess& access) {
  switch (access.operation()) {
    case v1::MEMORY_OPERATION_PROCESS_VM_READ:
    case v1::MEMORY_OPERATION_PROC_MEM_READ:
      return {v1::OPERATION_MEMORY_READ};
    case v1::MEMORY_OPERATION_PROCESS_VM_WRITE:
    case v1::MEMORY_OPERATION_PROC_MEM_WRITE:
      return {v1::OPERATION_MEMORY_WRITE};
    case v1::MEMORY_OPERATION_PTRACE:
    case v1::MEMORY_OPERATION_PERF_EVENT:
    case v1::MEMORY_OPERATION_PROCESS_MADVISE:
    case v1::MEMORY_OPERATION_KCMP:
    case v1::MEMORY_OPERATION_UPROBE:
      return {v1::OPERATION_MEMORY_DEBUG};
    case v1::MEMORY_OPERATION_PROC_MEM_OPEN:
    case v1::MEMORY_OPERATION_PROC_MEM_RECEIVE:
      return by_flags(access.open_flags(), v1::OPERATION_MEMORY_READ, v1::OPERATION_MEMORY_WRITE);
    // It stops the guest at a page, and fills it.
    case v1::MEMORY_OPERATION_USERFAULTFD_RECEIVE:
      return {v1::OPERATION_MEMORY_READ, v1::OPERATION_MEMORY_WRITE};
    // What a descriptor gives is not known beforehand.
    case v1::MEMORY_OPERATION_PIDFD_GETFD:
      return {v1::OPERATION_MEMORY_READ, v1::OPERATION_MEMORY_WRITE, v1::OPERATION_VOLUME_READ,
              v1::OPERATION_VOLUME_WRITE};
    case v1::MEMORY_OPERATION_UNSPECIFIED:
    case v1::MemoryOperation_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::MemoryOperation_INT_MAX_SENTINEL_DO_NOT_USE_:
      break;
  }
  return {};
}

// The categories are operations, in the same order.
std::vector<v1::Operation> of_call(const v1::ControlCall& call) {
  static_assert(v1::OPERATION_POWER - v1::OPERATION_MEMORY_DUMP ==
                v1::CONTROL_CATEGORY_POWER - v1::CONTROL_CATEGORY_MEMORY_DUMP);
  const int category = call.category();
  if (category < v1::CONTROL_CATEGORY_MEMORY_DUMP || category > v1::CONTROL_CATEGORY_POWER) return {};
  return {static_cast<v1::Operation>(category - v1::CONTROL_CATEGORY_MEMORY_DUMP + v1::OPERATION_MEMORY_DUMP)};
}

std::vector<v1::Operation> of_endpoint(const v1::EndpointAccess& access) {
  switch (access.kind()) {
    case v1::ENDPOINT_KIND_MONITOR:
      return {v1::OPERATION_MONITOR};
    case v1::ENDPOINT_KIND_GUEST_AGENT:
      return {v1::OPERATION_GUEST_AGENT};
    case v1::ENDPOINT_KIND_CONSOLE:
    case v1::ENDPOINT_KIND_DISPLAY:
      return {v1::OPERATION_CONSOLE};
    case v1::ENDPOINT_KIND_HOST_SOCKET:
    case v1::ENDPOINT_KIND_UNSPECIFIED:
    case v1::EndpointKind_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::EndpointKind_INT_MAX_SENTINEL_DO_NOT_USE_:
      break;
  }
  return {};
}

std::vector<v1::Operation> of_holding(const v1::Event& event) {
  const bool is_volume = event.object().kind() == v1::OBJECT_KIND_VOLUME;
  if (!is_volume && event.object().kind() != v1::OBJECT_KIND_GUEST_MEMORY) return {};
  const v1::Operation read = is_volume ? v1::OPERATION_VOLUME_READ : v1::OPERATION_MEMORY_READ;
  const v1::Operation write = is_volume ? v1::OPERATION_VOLUME_WRITE : v1::OPERATION_MEMORY_WRITE;
  const v1::Holding& holding = event.holding();
  if (holding.kind() == v1::HOLDING_KIND_DESCRIPTOR) return by_flags(holding.open_flags(), read, write);
  return holding.writable() ? std::vector{read, write} : std::vector{read};
}

std::vector<v1::Operation> of_volume_io(const v1::VolumeIo& io) {
  std::vector<v1::Operation> operations;
  if (io.bytes_read() != 0 || io.bytes_mapped() != 0) operations.push_back(v1::OPERATION_VOLUME_READ);
  if (io.bytes_written() != 0 || io.bytes_discarded() != 0) operations.push_back(v1::OPERATION_VOLUME_WRITE);
  return operations;
}

}  // namespace

std::vector<v1::Operation> operations_of(const v1::Event& event) {
  if (event.has_memory_access()) return of_memory(event.memory_access());
  // No customer can allow access to every customer's memory.
  if (event.object().kind() == v1::OBJECT_KIND_HOST_MEMORY) return {};
  if (event.has_holding()) return of_holding(event);
  if (event.has_file_open() && event.object().kind() == v1::OBJECT_KIND_GUEST_MEMORY) {
    return by_flags(event.file_open().flags(), v1::OPERATION_MEMORY_READ, v1::OPERATION_MEMORY_WRITE);
  }
  if (event.has_file_open()) {
    return by_flags(event.file_open().flags(), v1::OPERATION_VOLUME_READ, v1::OPERATION_VOLUME_WRITE);
  }
  if (event.has_volume_io()) return of_volume_io(event.volume_io());
  if (event.has_control_call()) return of_call(event.control_call());
  if (event.has_endpoint_access()) return of_endpoint(event.endpoint_access());
  return {};
}

}  // namespace bulkhead::grants
