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
      return {v1::OPERATION_MEMORY_DEBUG};
    case v1::MEMORY_OPERATION_PROC_MEM_OPEN:
      return by_flags(access.open_flags(), v1::OPERATION_MEMORY_READ, v1::OPERATION_MEMORY_WRITE);
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

}  // namespace

std::vector<v1::Operation> operations_of(const v1::Event& event) {
  if (event.has_memory_access()) return of_memory(event.memory_access());
  // No customer can allow access to every customer's memory.
  if (event.object().kind() == v1::OBJECT_KIND_HOST_MEMORY) return {};
  if (event.has_file_open()) {
    return by_flags(event.file_open().flags(), v1::OPERATION_VOLUME_READ, v1::OPERATION_VOLUME_WRITE);
  }
  return {};
}

}  // namespace bulkhead::grants
