// SPDX-License-Identifier: GPL-2.0
// DISK-01 and MEM-03: every system call that yields a descriptor by opening a file.
#include "ebpf/lib/opened_file.bpf.h"

char LICENSE[] SEC("license") = "GPL";

static __always_inline int opened(struct trace_event_raw_sys_exit* ctx, __u32 method) {
  if (ctx->ret < 0) return 0;
  bh_judge_opened_file(BH_PROBE_DISK_FILE_OPEN, bh_current_file((__u32)ctx->ret), method, ctx->ret);
  return 0;
}

SEC("tracepoint/syscalls/sys_exit_open")
int open_exit(struct trace_event_raw_sys_exit* ctx) {
  return opened(ctx, BH_OPEN_OPEN);
}

SEC("tracepoint/syscalls/sys_exit_creat")
int creat_exit(struct trace_event_raw_sys_exit* ctx) {
  return opened(ctx, BH_OPEN_CREAT);
}

SEC("tracepoint/syscalls/sys_exit_openat")
int openat_exit(struct trace_event_raw_sys_exit* ctx) {
  return opened(ctx, BH_OPEN_OPENAT);
}

SEC("tracepoint/syscalls/sys_exit_openat2")
int openat2_exit(struct trace_event_raw_sys_exit* ctx) {
  return opened(ctx, BH_OPEN_OPENAT2);
}

SEC("tracepoint/syscalls/sys_exit_open_by_handle_at")
int by_handle_exit(struct trace_event_raw_sys_exit* ctx) {
  return opened(ctx, BH_OPEN_BY_HANDLE_AT);
}
