// SPDX-License-Identifier: GPL-2.0
// MEM-10, uprobes, by tracepoints of system calls.
#include "ebpf/lib/set_uprobe.bpf.h"
#include "ebpf/lib/syscall.bpf.h"

char LICENSE[] SEC("license") = "GPL";

SEC("tracepoint/syscalls/sys_exit_perf_event_open")
int event_opened(struct trace_event_raw_sys_exit* ctx) {
  return bh_event_opened(ctx->ret);
}

SEC("tracepoint/syscalls/sys_exit_bpf")
int link_made(struct trace_event_raw_sys_exit* ctx) {
  __s64 descriptor = ctx->ret;
  barrier_var(descriptor); /* the verifier wants the context read by a constant offset */
  return bh_link_made(bh_first_argument(), descriptor);
}
