// SPDX-License-Identifier: GPL-2.0
// MEM-01: process_vm_readv and process_vm_writev on a VMM.
#include "ebpf/lib/memory_call.bpf.h"

char LICENSE[] SEC("license") = "GPL";

// The first remote address is a label: the vector is the caller's memory and may change before the kernel reads it.
static __always_inline int enter(struct trace_event_raw_sys_enter* ctx, __u32 operation) {
  struct iovec remote = {};
  bpf_probe_read_user(&remote, sizeof(remote), (void*)ctx->args[3]);
  bh_memory_call_enter(BH_PROBE_MEMORY_PROCESS_VM, operation, (__u32)ctx->args[0], (__u64)remote.iov_base, 0);
  return 0;
}

SEC("tracepoint/syscalls/sys_enter_process_vm_readv")
int read_enter(struct trace_event_raw_sys_enter* ctx) {
  return enter(ctx, BH_MEMORY_PROCESS_VM_READ);
}

SEC("tracepoint/syscalls/sys_enter_process_vm_writev")
int write_enter(struct trace_event_raw_sys_enter* ctx) {
  return enter(ctx, BH_MEMORY_PROCESS_VM_WRITE);
}

SEC("tracepoint/syscalls/sys_exit_process_vm_readv")
int read_exit(struct trace_event_raw_sys_exit* ctx) {
  bh_memory_call_exit(BH_PROBE_MEMORY_PROCESS_VM, ctx->ret);
  return 0;
}

SEC("tracepoint/syscalls/sys_exit_process_vm_writev")
int write_exit(struct trace_event_raw_sys_exit* ctx) {
  bh_memory_call_exit(BH_PROBE_MEMORY_PROCESS_VM, ctx->ret);
  return 0;
}
