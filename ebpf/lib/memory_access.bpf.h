/* SPDX-License-Identifier: GPL-2.0 */
/* Access to a VMM's memory: judged when its target is known, told when its result is. */
#ifndef BULKHEAD_EBPF_LIB_MEMORY_ACCESS_BPF_H
#define BULKHEAD_EBPF_LIB_MEMORY_ACCESS_BPF_H

#include "ebpf/lib/guard.bpf.h"

/* What is asked of the target; the rest is filled in by bh_memory_judge(). */
struct bh_memory_call {
  struct bh_owner actor;
  struct bh_owner object;
  __u64 target_start_ns;
  __u32 target_tgid;
  __u32 target_tid;
  __u64 address;
  __u32 operation;
  __u32 ptrace_request;
  __u32 descriptor;
  __u32 open_flags;
};

/* Access to the agent's memory: its own is a canary, told when the call is done as any other, and counted then. */
static __always_inline bool bh_memory_judge_agent(__u32 probe, struct task_struct* task, struct task_struct* target,
                                                  struct bh_memory_call* call) {
  if (!bh_is_agent(target)) return false;
  if (!bh_is_agent(task)) BH_COUNT(probe, seen);
  call->actor = bh_actor_owner(task);
  call->object.tenant = BH_OWNER_AGENT;
  call->target_start_ns = bh_start_ns(target);
  call->target_tgid = BPF_CORE_READ(target, tgid);
  call->target_tid = BPF_CORE_READ(target, pid);
  return true;
}

/* True when the call is one between tenants, or on the agent; counts it otherwise, if its target is a VMM. */
static __always_inline bool bh_memory_judge(__u32 probe, struct task_struct* task, struct task_struct* target,
                                            struct bh_memory_call* call) {
  if (!target) return false;
  struct bh_vmm* vmm = bh_vmm_of(target);
  if (!vmm) return bh_memory_judge_agent(probe, task, target, call);
  BH_COUNT(probe, seen);
  call->actor = bh_actor_owner(task);
  call->object = vmm->owner;
  if (bh_same_tenant(call->actor, call->object)) {
    BH_COUNT(probe, suppressed);
    return false;
  }
  call->target_start_ns = vmm->start_ns;
  call->target_tgid = BPF_CORE_READ(target, tgid);
  call->target_tid = BPF_CORE_READ(target, pid);
  return true;
}

static __always_inline void bh_memory_tell(__u32 probe, struct task_struct* task, const struct bh_memory_call* call,
                                           __s64 result) {
  if (call->object.tenant == BH_OWNER_AGENT && bh_is_agent(task)) {
    bh_tell_canary(probe, task, BH_CANARY_MEMORY | call->operation);
    return;
  }
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
  record.descriptor = call->descriptor;
  record.open_flags = call->open_flags;
  record.result = result;
  bh_submit(&record.header, probe, BH_RECORD_MEMORY, sizeof(record));
}

static __always_inline void bh_memory_access(__u32 probe, struct task_struct* target, struct bh_memory_call* call,
                                             __s64 result) {
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  if (bh_memory_judge(probe, task, target, call)) bh_memory_tell(probe, task, call, result);
}

#endif
