// SPDX-License-Identifier: GPL-2.0
// MEM-04 and MEM-10: calls that name a VMM to take a descriptor out of it, to measure it or to advise on its memory.
#include "ebpf/lib/memory_call.bpf.h"
#include "ebpf/lib/pidfd.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define BH_PERF_FLAG_PID_CGROUP 4 /* linux/perf_event.h: the pid is a cgroup's descriptor */

static __always_inline int exit_of(struct trace_event_raw_sys_exit* ctx) {
  bh_memory_call_exit(BH_PROBE_MEMORY_INSTRUMENT, ctx->ret);
  return 0;
}

static __always_inline struct task_struct* current_task(void) {
  return (struct task_struct*)bpf_get_current_task();
}

SEC("tracepoint/syscalls/sys_enter_pidfd_getfd")
int getfd_enter(struct trace_event_raw_sys_enter* ctx) {
  struct bh_memory_call call = {.operation = BH_MEMORY_PIDFD_GETFD, .descriptor = (__u32)ctx->args[1]};
  bh_memory_call_begin(BH_PROBE_MEMORY_INSTRUMENT, bh_pidfd_task(current_task(), (__u32)ctx->args[0]), &call);
  return 0;
}

SEC("tracepoint/syscalls/sys_exit_pidfd_getfd")
int getfd_exit(struct trace_event_raw_sys_exit* ctx) {
  return exit_of(ctx);
}

SEC("tracepoint/syscalls/sys_enter_process_madvise")
int madvise_enter(struct trace_event_raw_sys_enter* ctx) {
  struct iovec first = {};
  bpf_probe_read_user(&first, sizeof(first), (void*)ctx->args[1]);
  struct bh_memory_call call = {.operation = BH_MEMORY_PROCESS_MADVISE, .address = (__u64)first.iov_base};
  bh_memory_call_begin(BH_PROBE_MEMORY_INSTRUMENT, bh_pidfd_task(current_task(), (__u32)ctx->args[0]), &call);
  return 0;
}

SEC("tracepoint/syscalls/sys_exit_process_madvise")
int madvise_exit(struct trace_event_raw_sys_exit* ctx) {
  return exit_of(ctx);
}

SEC("tracepoint/syscalls/sys_enter_perf_event_open")
int perf_enter(struct trace_event_raw_sys_enter* ctx) {
  __s32 number = (__s32)ctx->args[1];
  if (number <= 0 || (ctx->args[4] & BH_PERF_FLAG_PID_CGROUP)) return 0;
  bh_memory_call_enter(BH_PROBE_MEMORY_INSTRUMENT, BH_MEMORY_PERF_EVENT, (__u32)number, 0, 0);
  return 0;
}

SEC("tracepoint/syscalls/sys_exit_perf_event_open")
int perf_exit(struct trace_event_raw_sys_exit* ctx) {
  return exit_of(ctx);
}

// It compares two processes; the first that is a VMM of another tenant is the one that is told.
SEC("tracepoint/syscalls/sys_enter_kcmp")
int kcmp_enter(struct trace_event_raw_sys_enter* ctx) {
  struct task_struct* first = bh_find_task(current_task(), (__u32)ctx->args[0]);
  struct task_struct* second = bh_find_task(current_task(), (__u32)ctx->args[1]);
  struct bh_memory_call call = {.operation = BH_MEMORY_KCMP};
  struct bh_vmm* vmm = first ? bh_vmm_of(first) : 0;
  bool is_first = vmm && !bh_same_tenant(bh_actor_owner(current_task()), vmm->owner);
  bh_memory_call_begin(BH_PROBE_MEMORY_INSTRUMENT, is_first ? first : second, &call);
  return 0;
}

SEC("tracepoint/syscalls/sys_exit_kcmp")
int kcmp_exit(struct trace_event_raw_sys_exit* ctx) {
  return exit_of(ctx);
}
