// SPDX-License-Identifier: GPL-2.0
// MEM-12: two tenants' vCPUs on one core's SMT siblings at once. Context switches add up for how long; the agent has it
// told (tell_shared_times(), every second), so that no record is made in a context switch.
#include "ebpf/lib/core_sharing.bpf.h"
#include "ebpf/lib/emit.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* A pair is told within a second of its first overlap, and then once in this time at most. */
#define BH_TELL_INTERVAL_NS 10000000000ULL
/* More than any kernel has; the loop ends where the map does. */
#define BH_CPU_LIMIT 65536
/* A pair that did not meet for so long is forgotten. */
#define BH_PAIR_REMEMBERED_NS 60000000000ULL

static __always_inline void count_overlaps_of(__u32 cpu, bool higher_only, __u64 now) {
  struct bh_siblings* core = bpf_map_lookup_elem(&siblings, &cpu);
  if (!core) return;
  for (__u32 i = 0; i < BH_SIBLINGS_LIMIT; i++) {
    if (i >= core->count) break;
    __u32 other = core->cpus[i];
    if (other > cpu) {
      bh_count_overlap(cpu, other, i, now);
    } else if (other < cpu && !higher_only) {
      bh_count_overlap(other, cpu, core->rank, now);
    }
  }
}

SEC("tp_btf/sched_switch")
int BPF_PROG(switched, bool preempted, struct task_struct* previous, struct task_struct* next) {
  __u32 id = bpf_get_smp_processor_id();
  struct bh_cpu* cpu = bpf_map_lookup_elem(&cpus, &id);
  if (!cpu) return 0;
  /* Before the CPU is let go of: look_at_cpu() looks here once it took it. */
  *(volatile __u64*)&cpu->task = (__u64)next;
  if (cpu->occupant.since > BH_CPU_TAKING) {
    count_overlaps_of(id, false, bpf_ktime_get_boot_ns());
    __sync_lock_test_and_set(&cpu->occupant.since, BH_CPU_FREE);
  }
  if (bh_runs_vcpu(next)) bh_take_cpu(cpu, next);
  return 0;
}

static __always_inline bool is_in_vcpu(struct task_struct* task) {
  struct task_struct___vcpu* vcpu = (void*)task;
  return task && bpf_core_field_exists(vcpu->preempt_notifiers) && BPF_CORE_READ(vcpu, preempt_notifiers.first);
}

/*
 * A vCPU thread that came onto its CPU in the VMM's own code was none then; and on a CPU of its own it may stay for
 * hours without a switch, so what it shares is added up while it is there, too.
 */
static long look_at_cpu(__u32 id, __u64* now) {
  struct bh_siblings* core = bpf_map_lookup_elem(&siblings, &id);
  struct bh_cpu* cpu = bpf_map_lookup_elem(&cpus, &id);
  if (!core || !cpu) return 1;
  if (!core->count) return 0;
  if (cpu->occupant.since == BH_CPU_FREE) {
    __u64 task = *(volatile __u64*)&cpu->task;
    if (is_in_vcpu((void*)task) && bh_take_cpu(cpu, (void*)task) && *(volatile __u64*)&cpu->task != task) {
      __u64 since = __sync_fetch_and_add(&cpu->occupant.since, 0);
      if (since > BH_CPU_TAKING) __sync_val_compare_and_swap(&cpu->occupant.since, since, BH_CPU_FREE);
    }
  }
  count_overlaps_of(id, true, *now);
  return 0;
}

/* Counts what the record stands for only here, so that the sums are right at any time. */
static __always_inline void tell(const struct bh_vmm_pair* pair, const struct bh_shared_time* time, __u64 shared_ns,
                                 __u64 overlaps, __u64 now) {
  struct bh_siblings_record record = {.shared_ns = shared_ns,
                                      .overlaps = overlaps,
                                      .window_ns = now - time->window_start_ns,
                                      .target_start_ns = pair->start_ns[0],
                                      .target_tgid = pair->tgid[0]};
  record.header.time_ns = now;
  record.header.actor_start_ns = pair->start_ns[1];
  record.header.actor_tgid = pair->tgid[1];
  record.header.actor = time->owner[1];
  record.header.object = time->owner[0];
  struct bh_counters* counted = bh_counters_of(BH_PROBE_SCHED_SIBLINGS);
  if (counted) {
    __sync_fetch_and_add(&counted->seen, overlaps);
    __sync_fetch_and_add(&counted->coalesced, overlaps - 1);
  }
  bh_submit(&record.header, BH_PROBE_SCHED_SIBLINGS, BH_RECORD_SIBLINGS, sizeof(record));
}

static long look_at_pair(void* map, struct bh_vmm_pair* pair, struct bh_shared_time* time, __u64* now) {
  __u64 age = *now - time->window_start_ns;
  if (!time->overlaps) {
    if (age > BH_PAIR_REMEMBERED_NS) bpf_map_delete_elem(map, pair);
    return 0;
  }
  if (time->told && age < BH_TELL_INTERVAL_NS) return 0;
  __u64 overlaps = __sync_lock_test_and_set(&time->overlaps, 0);
  __u64 shared_ns = __sync_lock_test_and_set(&time->shared_ns, 0);
  __u64 end = bpf_ktime_get_boot_ns(); /* after the last overlap that is told */
  tell(pair, time, shared_ns, overlaps, end);
  time->window_start_ns = end;
  time->told = 1;
  return 0;
}

SEC("syscall")
int tell_shared_times(void* ctx) {
  __u64 now = bpf_ktime_get_boot_ns();
  bpf_loop(BH_CPU_LIMIT, look_at_cpu, &now, 0);
  bpf_for_each_map_elem(&shared_times, look_at_pair, &now, 0);
  return 0;
}
