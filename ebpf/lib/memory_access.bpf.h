/* SPDX-License-Identifier: GPL-2.0 */
/* Access to a VMM's memory: judged when the call names its target, told when its result is known. */
#ifndef BULKHEAD_EBPF_LIB_MEMORY_ACCESS_BPF_H
#define BULKHEAD_EBPF_LIB_MEMORY_ACCESS_BPF_H

#include "ebpf/lib/emit.bpf.h"

/* A call in flight that crosses tenants, by thread. */
struct bh_memory_call {
  struct bh_owner actor;
  struct bh_owner object;
  __u64 target_start_ns;
  __u32 target_tgid;
  __u32 target_tid;
  __u64 address;
  __u32 operation;
  __u32 ptrace_request;
};

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 8192);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, __u64);
  __type(value, struct bh_memory_call);
} memory_calls SEC(".maps");

/*
 * At the call's entry. `number` is a thread or process as the caller's pid namespace numbers it. Remembers the call if
 * it is one between tenants; a call that cannot be remembered is lost, and counted so.
 */
static __always_inline void bh_memory_call_enter(__u32 probe, __u32 operation, __u32 number, __u64 address,
                                                 __u32 ptrace_request) {
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  struct task_struct* target = bh_find_task(task, number);
  if (!target) return;
  struct bh_vmm* vmm = bh_vmm_of(target);
  if (!vmm) return;

  BH_COUNT(probe, seen);
  struct bh_memory_call call = {};
  call.actor = bh_actor_owner(task);
  call.object = vmm->owner;
  if (bh_same_tenant(call.actor, call.object)) {
    BH_COUNT(probe, suppressed);
    return;
  }
  call.target_start_ns = vmm->start_ns;
  call.target_tgid = BPF_CORE_READ(target, tgid);
  call.target_tid = BPF_CORE_READ(target, pid);
  call.address = address;
  call.operation = operation;
  call.ptrace_request = ptrace_request;
  __u64 thread = bpf_get_current_pid_tgid();
  if (bpf_map_update_elem(&memory_calls, &thread, &call, BPF_ANY)) BH_COUNT(probe, lost);
}

static __always_inline void bh_memory_call_exit(__u32 probe, __s64 result) {
  __u64 thread = bpf_get_current_pid_tgid();
  struct bh_memory_call* call = bpf_map_lookup_elem(&memory_calls, &thread);
  if (!call) return;

  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  bh_announce_actor(task);
  struct bh_memory_record record = {};
  bh_fill_actor(&record.header, task);
  record.header.actor = call->actor;
  record.header.object = call->object;
  if (call->actor.tenant == BH_OWNER_HOST && bh_is_trusted(task, BH_MAY_ACCESS_MEMORY))
    record.header.flags |= BH_FLAG_TRUSTED;
  record.target_start_ns = call->target_start_ns;
  record.target_tgid = call->target_tgid;
  record.target_tid = call->target_tid;
  record.address = call->address;
  record.operation = call->operation;
  record.ptrace_request = call->ptrace_request;
  record.result = result;
  bpf_map_delete_elem(&memory_calls, &thread);
  bh_submit(&record.header, probe, BH_RECORD_MEMORY, sizeof(record));
}

#endif
