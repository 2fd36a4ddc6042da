#include <fcntl.h>

#include "collector/detect/field_makers.h"
#include "collector/detect/kernel_names.h"
#include "collector/detect/network_text.h"

namespace bulkhead::detect {
namespace {

enum Access { kAccessRead = 1, kAccessWrite = 2, kAccessReadWrite = 3, kAccessNone = 4 };

Access access_of(std::uint32_t flags) {
  if ((flags & O_PATH) != 0) return kAccessNone;
  switch (flags & O_ACCMODE) {
    case O_RDONLY:
      return kAccessRead;
    case O_WRONLY:
      return kAccessWrite;
    case O_RDWR:
      return kAccessReadWrite;
  }
  // 3 asks for a descriptor that can do neither, only ioctl.
  return kAccessNone;
}

bool is_proc_mem(v1::MemoryOperation operation) {
  return operation == v1::MEMORY_OPERATION_PROC_MEM_OPEN || operation == v1::MEMORY_OPERATION_PROC_MEM_READ ||
         operation == v1::MEMORY_OPERATION_PROC_MEM_WRITE || operation == v1::MEMORY_OPERATION_PROC_MEM_RECEIVE;
}

void add_memory_fields(std::vector<Field>& table) {
  using E = const v1::Event&;
  table.push_back(choice(
      "memory.operation", kMemory, names_of(*v1::MemoryOperation_descriptor(), "MEMORY_OPERATION_"),
      [](E e) -> int { return e.memory_access().operation(); }, "how memory was reached"));
  table.push_back(number(
      "memory.result", kMemory, [](E e) { return Value::of_number(e.memory_access().result(), e.has_memory_access()); },
      "what the call returned: bytes moved, a descriptor, 0, or a negative errno"));
  table.push_back(made_text(
      "memory.error", kMemory, [](E e) { return errno_name(e.memory_access().result()); },
      "name of that errno, such as `EPERM`; absent when the call succeeded"));
  table.push_back(number(
      "memory.address", kMemory,
      [](E e) { return Value::of_number(e.memory_access().address(), e.memory_access().address() != 0); },
      "first address in the VMM, for process_vm_*, ptrace, proc_mem_read and proc_mem_write"));
  table.push_back(number(
      "memory.ptrace_request", kMemory,
      [](E e) {
        return Value::of_number(e.memory_access().ptrace_request(),
                                e.memory_access().operation() == v1::MEMORY_OPERATION_PTRACE);
      },
      "ptrace's request number"));
  table.push_back(made_text(
      "memory.ptrace", kMemory,
      [](E e) {
        if (e.memory_access().operation() != v1::MEMORY_OPERATION_PTRACE) return std::string();
        return ptrace_request_name(e.memory_access().ptrace_request());
      },
      "name of the request, such as `PTRACE_SEIZE`"));
  table.push_back(number(
      "memory.descriptor", kMemory,
      [](E e) {
        return Value::of_number(e.memory_access().descriptor_number(),
                                e.memory_access().operation() == v1::MEMORY_OPERATION_PIDFD_GETFD);
      },
      "for `pidfd_getfd`: the descriptor's number in the VMM"));
  table.push_back(choice(
      "memory.access", kMemory,
      {{"read", kAccessRead}, {"write", kAccessWrite}, {"read_write", kAccessReadWrite}, {"none", kAccessNone}},
      [](E e) -> int {
        return is_proc_mem(e.memory_access().operation()) ? access_of(e.memory_access().open_flags()) : 0;
      },
      "for `proc_mem_*`: what the file was opened for"));
}

void add_file_fields(std::vector<Field>& table) {
  using E = const v1::Event&;
  table.push_back(choice(
      "file.method", kFile, names_of(*v1::OpenMethod_descriptor(), "OPEN_METHOD_"),
      [](E e) -> int { return e.file_open().method(); }, "the call that opened it"));
  table.push_back(choice(
      "file.access", kFile,
      {{"read", kAccessRead}, {"write", kAccessWrite}, {"read_write", kAccessReadWrite}, {"none", kAccessNone}},
      [](E e) -> int { return e.has_file_open() ? access_of(e.file_open().flags()) : 0; },
      "what it was opened for; `none`: only for its attributes (O_PATH)"));
  table.push_back(flag(
      "file.write", kFile,
      [](E e) {
        if (!e.has_file_open()) return false;
        const Access access = access_of(e.file_open().flags());
        return access == kAccessWrite || access == kAccessReadWrite;
      },
      "it was opened for writing"));
  table.push_back(flag(
      "file.truncate", kFile, [](E e) { return e.has_file_open() && (e.file_open().flags() & O_TRUNC) != 0; },
      "its content was cut off (O_TRUNC)"));
  table.push_back(number(
      "file.flags", kFile, [](E e) { return Value::of_number(e.file_open().flags(), e.has_file_open()); },
      "flags of the open file description (fcntl.h)"));
  table.push_back(
      flag("file.block_device", kFile, [](E e) { return e.file_open().block_device(); }, "it is a block device"));
  table.push_back(number(
      "file.device", kFile, [](E e) { return Value::of_number(e.file_open().device(), e.has_file_open()); },
      "the kernel's device number, major << 20 | minor"));
  table.push_back(number(
      "file.inode", kFile, [](E e) { return Value::of_number(e.file_open().inode(), e.file_open().inode() != 0); },
      "inode number; absent for a block device"));
  table.push_back(number(
      "file.link_count", kFile, [](E e) { return Value::of_number(e.file_open().link_count(), e.has_file_open()); },
      "hard links to it"));
}

void add_frame_fields(std::vector<Field>& table) {
  using E = const v1::Event&;
  table.push_back(text(
      "frame.source_port", kFrame, [](E e) -> auto& { return e.frame_delivery().source_port(); }, "port that sent"));
  table.push_back(text(
      "frame.destination_port", kFrame, [](E e) -> auto& { return e.frame_delivery().destination_port(); },
      "port that received"));
  table.push_back(made_text(
      "frame.source_mac", kFrame, [](E e) { return mac_text(e.frame_delivery().source_mac()); },
      "source MAC, as `52:54:00:12:34:56`"));
  table.push_back(made_text(
      "frame.destination_mac", kFrame, [](E e) { return mac_text(e.frame_delivery().destination_mac()); },
      "destination MAC"));
  table.push_back(tenant(
      "frame.source_mac_tenant", kFrame, [](E e) -> auto& { return e.frame_delivery().source_mac_tenant(); },
      "tenant that the source MAC is assigned to: the second witness"));
  table.push_back(made_text(
      "frame.source_address", kFrame, [](E e) { return address_text(e.frame_delivery().source_address()); },
      "source IP address; for ARP the sender's"));
  table.push_back(made_text(
      "frame.destination_address", kFrame, [](E e) { return address_text(e.frame_delivery().destination_address()); },
      "destination IP address; for ARP the target's"));
  table.push_back(number(
      "frame.ethertype", kFrame,
      [](E e) { return Value::of_number(e.frame_delivery().ethertype(), e.has_frame_delivery()); },
      "Ethernet type, such as 0x0800"));
  table.push_back(number(
      "frame.ip_protocol", kFrame,
      [](E e) {
        return Value::of_number(e.frame_delivery().ip_protocol(), !e.frame_delivery().source_address().empty());
      },
      "IP protocol or next header"));
  table.push_back(number(
      "frame.frames", kFrame, [](E e) { return Value::of_number(e.frame_delivery().frames(), e.has_frame_delivery()); },
      "frames that this event stands for"));
  table.push_back(number(
      "frame.bytes", kFrame, [](E e) { return Value::of_number(e.frame_delivery().bytes(), e.has_frame_delivery()); },
      "their bytes"));
}

void add_own_fields(std::vector<Field>& table) {
  using E = const v1::Event&;
  table.push_back(choice(
      "loss.probe", kLoss, names_of(*v1::Probe_descriptor(), "PROBE_"), [](E e) -> int { return e.loss().probe(); },
      "probe whose records were lost"));
  table.push_back(number(
      "loss.count", kLoss, [](E e) { return Value::of_number(e.loss().count(), e.has_loss()); }, "records lost"));
  table.push_back(choice(
      "loss.place", kLoss, names_of(*v1::Loss::Place_descriptor(), "PLACE_"),
      [](E e) -> int { return e.loss().place(); }, "where they were lost"));
  table.push_back(tenant(
      "tenant_change.old", kTenantChange, [](E e) -> auto& { return e.tenant_change().old_tenant(); },
      "tenant that the domain had"));
  table.push_back(tenant(
      "tenant_change.new", kTenantChange, [](E e) -> auto& { return e.tenant_change().new_tenant(); },
      "tenant that it has now"));
}

void add_collector_fields(std::vector<Field>& table) {
  using E = const v1::Event&;
  table.push_back(choice(
      "grant.change", kGrantChange, names_of(*v1::GrantChangeKind_descriptor(), "GRANT_CHANGE_KIND_"),
      [](E e) -> int { return e.grant_change().kind(); }, "what happened to a grant"));
  table.push_back(
      text("grant.id", kGrantChange, [](E e) -> auto& { return e.grant_change().grant().id(); }, "which grant"));
  table.push_back(text(
      "grant.ticket", kGrantChange, [](E e) -> auto& { return e.grant_change().grant().ticket(); },
      "the customer's own reference"));
  table.push_back(text(
      "grant.approver", kGrantChange, [](E e) -> auto& { return e.grant_change().grant().approver(); },
      "who authorised it at the customer"));
  table.push_back(text(
      "grant.by", kGrantChange, [](E e) -> auto& { return e.grant_change().by(); },
      "who changed it; absent for an expiry"));
  table.push_back(number(
      "grant.uses", kGrantChange, [](E e) { return Value::of_number(e.grant_change().uses(), e.has_grant_change()); },
      "accesses that it had authorised by then"));
  table.push_back(text(
      "policy.old", kPolicyChange, [](E e) -> auto& { return e.policy_change().old_version(); },
      "version of the policy that was in force"));
  table.push_back(text(
      "policy.new", kPolicyChange, [](E e) -> auto& { return e.policy_change().new_version(); },
      "version of the policy that is in force now"));
}

}  // namespace

void add_payload_fields(std::vector<Field>& table) {
  add_memory_fields(table);
  add_file_fields(table);
  add_frame_fields(table);
  add_control_fields(table);
  add_host_fields(table);
  add_disk_fields(table);
  add_own_fields(table);
  add_collector_fields(table);
}

}  // namespace bulkhead::detect
