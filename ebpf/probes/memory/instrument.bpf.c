// SPDX-License-Identifier: GPL-2.0
// MEM-04 and MEM-10 by tracepoints of system calls.
#include "ebpf/lib/instrument.bpf.h"

char LICENSE[] SEC("license") = "GPL";

SEC("tracepoint/syscalls/sys_enter_pidfd_getfd")
int getfd_enter(struct trace_event_raw_sys_enter* ctx) {
  return bh_getfd_called(ctx->args[0], ctx->args[1]);
}

SEC("tracepoint/syscalls/sys_exit_pidfd_getfd")
int getfd_exit(struct trace_event_raw_sys_exit* ctx) {
  return bh_instrument_done(ctx->ret);
}

SEC("tracepoint/syscalls/sys_enter_process_madvise")
int madvise_enter(struct trace_event_raw_sys_enter* ctx) {
  return bh_madvise_called(ctx->args[0], ctx->args[1]);
}

SEC("tracepoint/syscalls/sys_exit_process_madvise")
int madvise_exit(struct trace_event_raw_sys_exit* ctx) {
  return bh_instrument_done(ctx->ret);
}

SEC("tracepoint/syscalls/sys_enter_perf_event_open")
int perf_enter(struct trace_event_raw_sys_enter* ctx) {
  return bh_perf_called(ctx->args[1], ctx->args[4]);
}

SEC("tracepoint/syscalls/sys_exit_perf_event_open")
int perf_exit(struct trace_event_raw_sys_exit* ctx) {
  return bh_instrument_done(ctx->ret);
}

SEC("tracepoint/syscalls/sys_enter_kcmp")
int kcmp_enter(struct trace_event_raw_sys_enter* ctx) {
  return bh_kcmp_called(ctx->args[0], ctx->args[1]);
}

SEC("tracepoint/syscalls/sys_exit_kcmp")
int kcmp_exit(struct trace_event_raw_sys_exit* ctx) {
  return bh_instrument_done(ctx->ret);
}
