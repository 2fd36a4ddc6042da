// SPDX-License-Identifier: GPL-2.0
// MEM-02: ptrace on a VMM, whichever request.
#include "ebpf/lib/memory_call.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define BH_PTRACE_TRACEME 0 /* names no target: the caller asks its parent */

SEC("tracepoint/syscalls/sys_enter_ptrace")
int ptrace_enter(struct trace_event_raw_sys_enter* ctx) {
  __u32 request = (__u32)ctx->args[0];
  if (request == BH_PTRACE_TRACEME) return 0;
  bh_memory_call_enter(BH_PROBE_MEMORY_PTRACE, BH_MEMORY_PTRACE, (__u32)ctx->args[1], ctx->args[2], request);
  return 0;
}

SEC("tracepoint/syscalls/sys_exit_ptrace")
int ptrace_exit(struct trace_event_raw_sys_exit* ctx) {
  bh_memory_call_exit(BH_PROBE_MEMORY_PTRACE, ctx->ret);
  return 0;
}
