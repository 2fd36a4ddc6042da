#include "agent/attribute/operations.h"

#include <fcntl.h>
#include <catch2/catch.hpp>

namespace bulkhead::attribute {
namespace {

using config::Operation;
using config::Operations;

Operations of_open(std::uint32_t flags) {
  v1::FileOpen open;
  open.set_flags(flags);
  return operations_of(open);
}

Operations of_memory(v1::MemoryOperation operation, std::uint32_t flags = 0) {
  v1::MemoryAccess access;
  access.set_operation(operation);
  access.set_open_flags(flags);
  return operations_of(access);
}

TEST_CASE("an open is what its mode lets it do") {
  CHECK(of_open(O_RDONLY) == Operations{Operation::kVolumeRead});
  CHECK(of_open(O_RDONLY | O_DIRECT | O_CLOEXEC) == Operations{Operation::kVolumeRead});
  CHECK(of_open(O_WRONLY | O_APPEND) == Operations{Operation::kVolumeWrite});
  CHECK(of_open(O_RDWR) == config::kOpenVolumes);
  CHECK(of_open(O_ACCMODE) == config::kOpenVolumes);
}

TEST_CASE("a file that is memory is opened for what its mode lets it do to memory") {
  v1::FileOpen open;
  open.set_flags(O_RDWR);
  CHECK(memory_operations_of(open) == Operations{Operation::kMemoryRead, Operation::kMemoryWrite});
}

TEST_CASE("what is held is what it lets its holder do") {
  v1::Holding descriptor;
  descriptor.set_kind(v1::HOLDING_KIND_DESCRIPTOR);
  descriptor.set_open_flags(O_RDWR);
  CHECK(operations_of(descriptor, v1::OBJECT_KIND_VOLUME) == config::kOpenVolumes);
  CHECK(operations_of(descriptor, v1::OBJECT_KIND_GUEST_MEMORY) ==
        Operations{Operation::kMemoryRead, Operation::kMemoryWrite});
  v1::Holding mapping;
  mapping.set_kind(v1::HOLDING_KIND_MAPPING);
  CHECK(operations_of(mapping, v1::OBJECT_KIND_VOLUME) == Operations{Operation::kVolumeRead});
  mapping.set_writable(true);
  CHECK(operations_of(mapping, v1::OBJECT_KIND_HOST_MEMORY) ==
        Operations{Operation::kMemoryRead, Operation::kMemoryWrite});
  CHECK(operations_of(mapping, v1::OBJECT_KIND_VIRTUAL_MACHINE) == Operations{Operation::kPower});
}

TEST_CASE("an access to memory is what it does, and an unknown one all that there is") {
  CHECK(of_memory(v1::MEMORY_OPERATION_PROCESS_VM_READ) == Operations{Operation::kMemoryRead});
  CHECK(of_memory(v1::MEMORY_OPERATION_PROCESS_VM_WRITE) == Operations{Operation::kMemoryWrite});
  CHECK(of_memory(v1::MEMORY_OPERATION_PTRACE) == Operations{Operation::kMemoryDebug});
  CHECK(of_memory(v1::MEMORY_OPERATION_PROC_MEM_OPEN, O_RDONLY) == Operations{Operation::kMemoryRead});
  CHECK(of_memory(v1::MEMORY_OPERATION_PROC_MEM_OPEN, O_RDWR) ==
        Operations{Operation::kMemoryRead, Operation::kMemoryWrite});
  CHECK(of_memory(v1::MEMORY_OPERATION_PROC_MEM_READ, O_RDWR) == Operations{Operation::kMemoryRead});
  CHECK(of_memory(v1::MEMORY_OPERATION_PROC_MEM_WRITE, O_RDWR) == Operations{Operation::kMemoryWrite});
  CHECK(of_memory(v1::MEMORY_OPERATION_PERF_EVENT) == Operations{Operation::kMemoryDebug});
  // What the descriptor gives is not known.
  CHECK(of_memory(v1::MEMORY_OPERATION_PIDFD_GETFD) == config::kAccessMemory);
  CHECK(of_memory(v1::MEMORY_OPERATION_UNSPECIFIED) == config::kAccessMemory);
}

TEST_CASE("what was moved from and to a volume is reading and writing, by what was moved") {
  v1::VolumeIo io;
  CHECK(operations_of(io).empty());
  io.set_bytes_mapped(4096);
  CHECK(operations_of(io) == Operations{Operation::kVolumeRead});
  io.set_bytes_discarded(512);
  CHECK(operations_of(io) == Operations{Operation::kVolumeRead, Operation::kVolumeWrite});
  io.clear_bytes_mapped();
  CHECK(operations_of(io) == Operations{Operation::kVolumeWrite});
}

TEST_CASE("a call of libvirt's is what its category says, and an endpoint what it leads to") {
  v1::ControlCall call;
  call.set_category(v1::CONTROL_CATEGORY_MEMORY_DUMP);
  CHECK(operations_of(call) == Operations{Operation::kMemoryDump});
  call.set_category(v1::CONTROL_CATEGORY_GUEST_AGENT);
  CHECK(operations_of(call) == Operations{Operation::kGuestAgent});
  call.set_category(v1::CONTROL_CATEGORY_POWER);
  CHECK(operations_of(call) == Operations{Operation::kPower});
  call.set_category(v1::CONTROL_CATEGORY_OTHER);
  CHECK(operations_of(call).empty());

  v1::EndpointAccess access;
  access.set_kind(v1::ENDPOINT_KIND_MONITOR);
  CHECK(operations_of(access) == Operations{Operation::kMonitor});
  access.set_kind(v1::ENDPOINT_KIND_DISPLAY);
  CHECK(operations_of(access) == Operations{Operation::kConsole});
}

}  // namespace
}  // namespace bulkhead::attribute
