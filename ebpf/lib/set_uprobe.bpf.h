/* SPDX-License-Identifier: GPL-2.0 */
/*
 * MEM-10: uprobes in the program of VMMs. One that is set for a single process by perf_event_open is told by
 * instrument.bpf.h; here are those for all processes that run the program, and those of BPF links. Every VMM that runs
 * it is told as a target.
 */
#ifndef BULKHEAD_EBPF_LIB_SET_UPROBE_BPF_H
#define BULKHEAD_EBPF_LIB_SET_UPROBE_BPF_H

#include "ebpf/lib/memory_access.bpf.h"
#include "ebpf/lib/uprobe.bpf.h"

#define BH_BPF_LINK_CREATE 28      /* linux/bpf.h */
#define BH_SAME_NS (1000000000ULL) /* perf opens the same event once for each CPU */

/* Who set a uprobe in which VMM's program, and when that was told. */
struct bh_uprobe_told_key {
  __u64 actor_start_ns;
  __u32 actor_tgid;
  __u32 vmm_tgid;
};

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 4096);
  __type(key, struct bh_uprobe_told_key);
  __type(value, __u64);
} told_uprobes SEC(".maps");

struct bh_uprobe_search {
  struct task_struct* actor;
  struct inode* program;
  __s64 result;
};

static __always_inline bool bh_uprobe_was_just_told(struct task_struct* actor, __u32 vmm_tgid) {
  struct bh_uprobe_told_key key = {
      .actor_start_ns = bh_start_ns(actor), .actor_tgid = BPF_CORE_READ(actor, tgid), .vmm_tgid = vmm_tgid};
  __u64 now = bpf_ktime_get_boot_ns();
  __u64* told = bpf_map_lookup_elem(&told_uprobes, &key);
  if (told && now - *told < BH_SAME_NS) return true;
  bpf_map_update_elem(&told_uprobes, &key, &now, BPF_ANY);
  return false;
}

static __noinline int bh_tell_uprobe(struct task_struct* actor, struct task_struct* target, __s64 result) {
  struct bh_memory_call call = {.operation = BH_MEMORY_UPROBE};
  if (!bh_vmm_of(target) || !bh_memory_judge(BH_PROBE_MEMORY_UPROBE, actor, target, &call)) return 0;
  if (bh_uprobe_was_just_told(actor, call.target_tgid))
    BH_COUNT(BH_PROBE_MEMORY_UPROBE, coalesced);
  else
    bh_memory_tell(BH_PROBE_MEMORY_UPROBE, actor, &call, result);
  return 0;
}

static long bh_tell_uprobe_if_it_runs(struct bpf_map* map, __u32* tgid, struct bh_vmm* vmm,
                                      struct bh_uprobe_search* search) {
  if (vmm->flags & BH_VMM_DESCENDANT) return 0;
  struct task_struct* actor = search->actor;
  struct pid* number = BPF_CORE_READ(actor, thread_pid);
  struct pid_namespace* initial = BPF_CORE_READ(bh_upid(number, 0), ns);
  struct task_struct* target = bh_find_task_in(initial, *tgid);
  if (!target || BPF_CORE_READ(target, mm, exe_file, f_inode) != search->program) return 0;
  bh_tell_uprobe(actor, target, search->result);
  return 0;
}

static __always_inline void bh_uprobe_set_in(struct task_struct* actor, struct inode* program, __s64 result) {
  struct bh_uprobe_search search = {.actor = actor, .program = program, .result = result};
  if (program) bpf_for_each_map_elem(&vmms, bh_tell_uprobe_if_it_runs, &search, 0);
}

/* perf_event_open(2) gave this descriptor, or a negative errno. */
static __always_inline int bh_event_opened(__s64 descriptor) {
  if (descriptor < 0) return 0;
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  struct file* file = bh_current_file((__u32)descriptor);
  if (!file || !bh_is_anonymous_file(file, "[perf_event]")) return 0;
  bh_uprobe_set_in(task, bh_uprobe_of_event((struct perf_event*)BPF_CORE_READ(file, private_data)), descriptor);
  return 0;
}

/* bpf(2) with this command gave this descriptor, or a negative errno. */
static __always_inline int bh_link_made(unsigned long command, __s64 descriptor) {
  if (descriptor < 0 || command != BH_BPF_LINK_CREATE) return 0;
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  struct file* file = bh_current_file((__u32)descriptor);
  if (!file || !(bh_is_anonymous_file(file, "bpf-link") || bh_is_anonymous_file(file, "bpf_link"))) return 0;
  struct task_struct* only = 0;
  struct inode* program = bh_uprobe_of_link((struct bpf_link*)BPF_CORE_READ(file, private_data), &only);
  if (only)
    bh_tell_uprobe(task, only, descriptor);
  else
    bh_uprobe_set_in(task, program, descriptor);
  return 0;
}

#endif
