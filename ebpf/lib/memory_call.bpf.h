/* SPDX-License-Identifier: GPL-2.0 */
/* Access to a VMM's memory whose target and whose result are known at two hooks: kept by thread in between. */
#ifndef BULKHEAD_EBPF_LIB_MEMORY_CALL_BPF_H
#define BULKHEAD_EBPF_LIB_MEMORY_CALL_BPF_H

#include "ebpf/lib/memory_access.bpf.h"

/* Calls in flight that cross tenants. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 8192);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, __u64);
  __type(value, struct bh_memory_call);
} memory_calls SEC(".maps");

/* A call that cannot be remembered is lost, and counted so. */
static __always_inline void bh_memory_call_begin(__u32 probe, struct task_struct* target, struct bh_memory_call* call) {
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  if (!bh_memory_judge(probe, task, target, call)) return;
  __u64 thread = bpf_get_current_pid_tgid();
  if (bpf_map_update_elem(&memory_calls, &thread, call, BPF_ANY) && !bh_is_agent(task)) BH_COUNT(probe, lost);
}

/* `number` is a thread or process as the caller's pid namespace numbers it. */
static __always_inline void bh_memory_call_enter(__u32 probe, __u32 operation, __u32 number, __u64 address,
                                                 __u32 ptrace_request) {
  struct bh_memory_call call = {.operation = operation, .address = address, .ptrace_request = ptrace_request};
  bh_memory_call_begin(probe, bh_find_task((struct task_struct*)bpf_get_current_task(), number), &call);
}

static __always_inline void bh_memory_call_exit(__u32 probe, __s64 result) {
  __u64 thread = bpf_get_current_pid_tgid();
  struct bh_memory_call* remembered = bpf_map_lookup_elem(&memory_calls, &thread);
  if (!remembered) return;
  struct bh_memory_call call = *remembered;
  bpf_map_delete_elem(&memory_calls, &thread);
  bh_memory_tell(probe, (struct task_struct*)bpf_get_current_task(), &call, result);
}

#endif
