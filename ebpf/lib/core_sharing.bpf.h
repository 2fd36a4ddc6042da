/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which VMM's vCPU is on which CPU, and for how long those of two VMMs were on the CPUs of one core. A CPU's own
 * sched_switch and a look at all CPUs from another one may meet here, so everything that both write is atomic.
 */
#ifndef BULKHEAD_EBPF_LIB_CORE_SHARING_BPF_H
#define BULKHEAD_EBPF_LIB_CORE_SHARING_BPF_H

#include "ebpf/lib/count.bpf.h"
#include "ebpf/lib/owner.bpf.h"

/* The same fields of kernels that the build did not see: without CONFIG_PREEMPT_NOTIFIERS (KVM), CONFIG_SCHED_CORE. */
struct task_struct___vcpu {
  struct hlist_head preempt_notifiers;
  unsigned long core_cookie;
} __attribute__((preserve_access_index));

/*
 * KVM's vcpu_load hooks the thread that is in a vCPU's ioctl, so in practice in KVM_RUN; vcpu_put lets go of it. For
 * tasks that are arguments of the program, which may be read without a helper.
 */
static __always_inline bool bh_runs_vcpu(struct task_struct* task) {
  struct task_struct___vcpu* vcpu = (void*)task;
  return bpf_core_field_exists(vcpu->preempt_notifiers) && vcpu->preempt_notifiers.first;
}

/* `since` when it is no time. */
#define BH_CPU_FREE 0
#define BH_CPU_TAKING 1 /* somebody is writing the other members */

/* The vCPU thread on a CPU. */
struct bh_occupant {
  __u64 since; /* CLOCK_BOOTTIME, nanoseconds */
  __u64 vmm_start_ns;
  __u32 vmm_tgid;
  __u32 padding;
  struct bh_owner owner;
  __u64 cookie; /* of core scheduling, 0 without */
};

/* Two cache lines, so that a switch on one core leaves alone what another core reads. */
struct bh_cpu {
  struct bh_occupant occupant;
  __u64 task; /* the task_struct that came with the last switch */
  __u64 padding[2];
  __u64 counted_until[BH_SIBLINGS_LIMIT]; /* with the sibling of that rank, if that CPU's number is the higher one */
};

/* The loader makes room for all possible CPUs in both. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct bh_cpu);
} cpus SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct bh_siblings);
} siblings SEC(".maps");

/* Two VMMs; the first one started before the second. */
struct bh_vmm_pair {
  __u64 start_ns[2];
  __u32 tgid[2];
};

struct bh_shared_time {
  struct bh_owner owner[2];
  __u64 shared_ns; /* not told in a record yet */
  __u64 overlaps;
  __u64 window_start_ns;
  __u64 told; /* 0: never yet */
};

/* All there from the start: nothing may be allocated in a context switch. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16384);
  __type(key, struct bh_vmm_pair);
  __type(value, struct bh_shared_time);
} shared_times SEC(".maps");

/* Whoever is on the CPU, whole; false when nobody is, or the CPU is changing hands in this moment. */
static __always_inline bool bh_read_occupant(struct bh_occupant* there, struct bh_occupant* copy) {
  __u64 since = __sync_fetch_and_add(&there->since, 0);
  if (since <= BH_CPU_TAKING) return false;
  *copy = *there;
  return __sync_fetch_and_add(&there->since, 0) == since && copy->since == since;
}

static __always_inline void bh_add_overlap(const struct bh_occupant* one, const struct bh_occupant* other, __u64 since,
                                           __u64 now) {
  bool swap = one->vmm_start_ns > other->vmm_start_ns ||
              (one->vmm_start_ns == other->vmm_start_ns && one->vmm_tgid > other->vmm_tgid);
  const struct bh_occupant* first = swap ? other : one;
  const struct bh_occupant* second = swap ? one : other;
  struct bh_vmm_pair pair = {.start_ns = {first->vmm_start_ns, second->vmm_start_ns},
                             .tgid = {first->vmm_tgid, second->vmm_tgid}};
  struct bh_shared_time* time = bpf_map_lookup_elem(&shared_times, &pair);
  if (!time) {
    struct bh_shared_time none = {.window_start_ns = since};
    bpf_map_update_elem(&shared_times, &pair, &none, BPF_NOEXIST);
    time = bpf_map_lookup_elem(&shared_times, &pair);
  }
  if (!time) { /* the map is full */
    BH_COUNT(BH_PROBE_SCHED_SIBLINGS, seen);
    BH_COUNT(BH_PROBE_SCHED_SIBLINGS, lost);
    return;
  }
  time->owner[0] = first->owner;
  time->owner[1] = second->owner;
  __sync_fetch_and_add(&time->shared_ns, now - since);
  __sync_fetch_and_add(&time->overlaps, 1);
}

/*
 * Adds up for how long, until now, the vCPUs on two CPUs of a core were there at once. `rank` is that of the higher
 * CPU. Core scheduling forces a CPU idle rather than let tasks of different cookies run on one core; what is left of
 * such pairs is the moment until the sibling has heard of it. Global, so that the verifier looks at it once.
 */
__noinline int bh_count_overlap(__u32 lower, __u32 higher, __u64 rank, __u64 now) {
  struct bh_cpu* low = bpf_map_lookup_elem(&cpus, &lower);
  struct bh_cpu* high = bpf_map_lookup_elem(&cpus, &higher);
  if (!low || !high || rank >= BH_SIBLINGS_LIMIT) return 0;
  __u64* until = &low->counted_until[rank];
  /* Once more when the other CPU, or the look at all CPUs, has just counted the same overlap. */
  for (int attempt = 0; attempt < 3; attempt++) {
    __u64 since = __sync_fetch_and_add(until, 0), before = since;
    struct bh_occupant one, other;
    if (!bh_read_occupant(&low->occupant, &one) || !bh_read_occupant(&high->occupant, &other)) return 0;
    if (one.owner.tenant == other.owner.tenant && one.owner.domain == other.owner.domain) return 0;
    if (one.cookie != other.cookie) return 0;
    if (one.since > since) since = one.since;
    if (other.since > since) since = other.since;
    if (since >= now) return 0;
    if (__sync_val_compare_and_swap(until, before, now) != before) continue;
    if (bh_same_tenant(one.owner, other.owner)) {
      BH_COUNT(BH_PROBE_SCHED_SIBLINGS, seen);
      BH_COUNT(BH_PROBE_SCHED_SIBLINGS, suppressed);
    } else {
      bh_add_overlap(&one, &other, since, now);
    }
    return 0;
  }
  return 0;
}

/* A vCPU thread is on the CPU from now on, which was free. False for one of no VMM's, or when somebody was faster. */
static __always_inline bool bh_take_cpu(struct bh_cpu* cpu, struct task_struct* task) {
  struct task_struct___vcpu* vcpu = (void*)task;
  struct bh_occupant* occupant = &cpu->occupant;
  __u32 tgid = BPF_CORE_READ(task, tgid);
  struct bh_vmm* vmm = bh_vmm_of(task);
  if (!vmm) return false;
  if (__sync_val_compare_and_swap(&occupant->since, BH_CPU_FREE, BH_CPU_TAKING) != BH_CPU_FREE) return false;
  occupant->vmm_start_ns = vmm->start_ns;
  occupant->vmm_tgid = tgid;
  occupant->owner = vmm->owner;
  occupant->cookie = bpf_core_field_exists(vcpu->core_cookie) ? BPF_CORE_READ(vcpu, core_cookie) : 0;
  __sync_lock_test_and_set(&occupant->since, bpf_ktime_get_boot_ns());
  return true;
}

#endif
