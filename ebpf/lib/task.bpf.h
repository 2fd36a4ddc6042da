/* SPDX-License-Identifier: GPL-2.0 */
/* Tasks: who is current, and which task a number given to a system call means. */
#ifndef BULKHEAD_EBPF_LIB_TASK_BPF_H
#define BULKHEAD_EBPF_LIB_TASK_BPF_H

#include "ebpf/lib/bulkhead.bpf.h"

#define BH_PF_KTHREAD 0x00200000 /* linux/sched.h */
#define BH_XA_CHUNK_SHIFT 6      /* linux/xarray.h, without CONFIG_BASE_SMALL */
#define BH_XA_DEPTH 6

/* start_boottime has this name since 5.5 (cf25e24db61c); it is that of the thread group's leader. */
static __always_inline __u64 bh_start_ns(struct task_struct* task) {
  return BPF_CORE_READ(task, group_leader, start_boottime);
}

static __always_inline struct task_struct* bh_pid_task(struct pid* pid) {
  struct hlist_node* first = BPF_CORE_READ(pid, tasks[0].first); /* PIDTYPE_PID */
  if (!first) return 0;
  return (struct task_struct*)((char*)first - bpf_core_field_offset(struct task_struct, pid_links));
}

/* pid->numbers[level], a flexible array of struct upid. */
static __always_inline struct upid* bh_upid(struct pid* pid, __u32 level) {
  return (struct upid*)((char*)pid + bpf_core_field_offset(struct pid, numbers) +
                        level * bpf_core_type_size(struct upid));
}

/* Pid namespaces nest at most 32 deep (MAX_PID_NS_LEVEL). */
static __always_inline struct pid_namespace* bh_active_pid_namespace(struct task_struct* task) {
  struct pid* pid = BPF_CORE_READ(task, thread_pid);
  __u32 level = BPF_CORE_READ(pid, level);
  if (level > 32) return 0;
  return BPF_CORE_READ(bh_upid(pid, level), ns);
}

/*
 * The task that `number` means in a pid namespace: the kernel's own look-up (find_task_by_pid_ns), a walk of its
 * xarray, since kernels before 6.13 have no kfunc for it and syscall tracepoints may call none.
 */
static __always_inline struct task_struct* bh_find_task_in(struct pid_namespace* namespace, __u32 number) {
  if (!namespace) return 0;
  unsigned long entry = (unsigned long)BPF_CORE_READ(namespace, idr.idr_rt.xa_head);
  __u32 shift = 0;
  for (int depth = 0; depth < BH_XA_DEPTH; depth++) {
    /* An xarray node is an internal entry (low bits 10) above the reserved ones; else it is the pid itself. */
    if ((entry & 3) != 2 || entry <= 4096) break;
    struct xa_node* node = (struct xa_node*)(entry - 2);
    shift = BPF_CORE_READ(node, shift);
    if (shift > 30) return 0;
    if (depth == 0 && ((__u64)number >> shift) >> BH_XA_CHUNK_SHIFT) return 0;
    __u32 slot = (number >> shift) & ((1 << BH_XA_CHUNK_SHIFT) - 1);
    void** slots = (void**)((char*)node + bpf_core_field_offset(struct xa_node, slots));
    if (bpf_probe_read_kernel(&entry, sizeof(entry), &slots[slot])) return 0;
  }
  if (!entry || (entry & 3)) return 0;
  return bh_pid_task((struct pid*)entry);
}

/* The task that `number` means to `caller`. */
static __always_inline struct task_struct* bh_find_task(struct task_struct* caller, __u32 number) {
  return bh_find_task_in(bh_active_pid_namespace(caller), number);
}

#endif
