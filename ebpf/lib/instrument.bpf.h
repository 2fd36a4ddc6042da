/* SPDX-License-Identifier: GPL-2.0 */
/* MEM-04 and MEM-10: calls that name a VMM to take a descriptor out of it, to measure it or to advise on its memory. */
#ifndef BULKHEAD_EBPF_LIB_INSTRUMENT_BPF_H
#define BULKHEAD_EBPF_LIB_INSTRUMENT_BPF_H

#include "ebpf/lib/memory_call.bpf.h"
#include "ebpf/lib/pidfd.bpf.h"

#define BH_PERF_FLAG_PID_CGROUP 4 /* linux/perf_event.h: the pid is a cgroup's descriptor */

static __always_inline int bh_getfd_called(__u32 pidfd, __u32 descriptor) {
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  struct bh_memory_call call = {.operation = BH_MEMORY_PIDFD_GETFD, .descriptor = descriptor};
  bh_memory_call_begin(BH_PROBE_MEMORY_INSTRUMENT, bh_pidfd_task(task, pidfd), &call);
  return 0;
}

static __always_inline int bh_madvise_called(__u32 pidfd, unsigned long vector) {
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  struct iovec first = {};
  bpf_probe_read_user(&first, sizeof(first), (void*)vector);
  struct bh_memory_call call = {.operation = BH_MEMORY_PROCESS_MADVISE, .address = (__u64)first.iov_base};
  bh_memory_call_begin(BH_PROBE_MEMORY_INSTRUMENT, bh_pidfd_task(task, pidfd), &call);
  return 0;
}

static __always_inline int bh_perf_called(__s32 number, unsigned long flags) {
  if (number <= 0 || (flags & BH_PERF_FLAG_PID_CGROUP)) return 0;
  bh_memory_call_enter(BH_PROBE_MEMORY_INSTRUMENT, BH_MEMORY_PERF_EVENT, (__u32)number, 0, 0);
  return 0;
}

/* It compares two processes; the first that is a VMM of another tenant is the one that is told. */
static __always_inline int bh_kcmp_called(__u32 first_number, __u32 second_number) {
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  struct task_struct* first = bh_find_task(task, first_number);
  struct task_struct* second = bh_find_task(task, second_number);
  struct bh_memory_call call = {.operation = BH_MEMORY_KCMP};
  struct bh_vmm* vmm = first ? bh_vmm_of(first) : 0;
  bool is_first = vmm && !bh_same_tenant(bh_actor_owner(task), vmm->owner);
  bh_memory_call_begin(BH_PROBE_MEMORY_INSTRUMENT, is_first ? first : second, &call);
  return 0;
}

static __always_inline int bh_instrument_done(__s64 result) {
  bh_memory_call_exit(BH_PROBE_MEMORY_INSTRUMENT, result);
  return 0;
}

#endif
