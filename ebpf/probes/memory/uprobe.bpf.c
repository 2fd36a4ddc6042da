// SPDX-License-Identifier: GPL-2.0
// MEM-10: uprobes in the program of VMMs. One that is set for a single process by perf_event_open is told by
// instrument.bpf.c; here are those for all processes that run the program, and those of BPF links. Every VMM that runs
// it is told as a target.
#include "ebpf/lib/uprobe.bpf.h"
#include "ebpf/lib/memory_access.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define BH_BPF_LINK_CREATE 28      /* linux/bpf.h */
#define BH_SAME_NS (1000000000ULL) /* perf opens the same event once for each CPU */

/* Who set a uprobe in which VMM's program, and when that was told. */
struct told_key {
  __u64 actor_start_ns;
  __u32 actor_tgid;
  __u32 vmm_tgid;
};

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 4096);
  __type(key, struct told_key);
  __type(value, __u64);
} told_uprobes SEC(".maps");

struct search {
  struct task_struct* actor;
  struct inode* program;
  __s64 result;
};

static __always_inline bool was_just_told(struct task_struct* actor, __u32 vmm_tgid) {
  struct told_key key = {
      .actor_start_ns = bh_start_ns(actor), .actor_tgid = BPF_CORE_READ(actor, tgid), .vmm_tgid = vmm_tgid};
  __u64 now = bpf_ktime_get_boot_ns();
  __u64* told = bpf_map_lookup_elem(&told_uprobes, &key);
  if (told && now - *told < BH_SAME_NS) return true;
  bpf_map_update_elem(&told_uprobes, &key, &now, BPF_ANY);
  return false;
}

static __noinline int tell(struct task_struct* actor, struct task_struct* target, __s64 result) {
  struct bh_memory_call call = {.operation = BH_MEMORY_UPROBE};
  if (!bh_vmm_of(target) || !bh_memory_judge(BH_PROBE_MEMORY_UPROBE, actor, target, &call)) return 0;
  if (was_just_told(actor, call.target_tgid))
    BH_COUNT(BH_PROBE_MEMORY_UPROBE, coalesced);
  else
    bh_memory_tell(BH_PROBE_MEMORY_UPROBE, actor, &call, result);
  return 0;
}

static long tell_if_it_runs(struct bpf_map* map, __u32* tgid, struct bh_vmm* vmm, struct search* search) {
  if (vmm->flags & BH_VMM_DESCENDANT) return 0;
  struct task_struct* actor = search->actor;
  struct pid* number = BPF_CORE_READ(actor, thread_pid);
  struct pid_namespace* initial = BPF_CORE_READ(bh_upid(number, 0), ns);
  struct task_struct* target = bh_find_task_in(initial, *tgid);
  if (!target || BPF_CORE_READ(target, mm, exe_file, f_inode) != search->program) return 0;
  tell(actor, target, search->result);
  return 0;
}

static __always_inline void set_in(struct task_struct* actor, struct inode* program, __s64 result) {
  struct search search = {.actor = actor, .program = program, .result = result};
  if (program) bpf_for_each_map_elem(&vmms, tell_if_it_runs, &search, 0);
}

SEC("tracepoint/syscalls/sys_exit_perf_event_open")
int event_opened(struct trace_event_raw_sys_exit* ctx) {
  if (ctx->ret < 0) return 0;
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  struct file* file = bh_file_of(task, (__u32)ctx->ret);
  if (!file || !bh_is_anonymous_file(file, "[perf_event]")) return 0;
  set_in(task, bh_uprobe_of_event((struct perf_event*)BPF_CORE_READ(file, private_data)), ctx->ret);
  return 0;
}

SEC("tracepoint/syscalls/sys_exit_bpf")
int link_made(struct trace_event_raw_sys_exit* ctx) {
  struct task_struct* task = bpf_get_current_task_btf();
  __s64 descriptor = ctx->ret;
  barrier_var(descriptor); /* the verifier wants the context read by a constant offset */
  if (descriptor < 0 || PT_REGS_PARM1_CORE_SYSCALL((struct pt_regs*)bpf_task_pt_regs(task)) != BH_BPF_LINK_CREATE)
    return 0;
  struct file* file = bh_file_of(task, (__u32)descriptor);
  if (!file || !(bh_is_anonymous_file(file, "bpf-link") || bh_is_anonymous_file(file, "bpf_link"))) return 0;
  struct task_struct* only = 0;
  struct inode* program = bh_uprobe_of_link((struct bpf_link*)BPF_CORE_READ(file, private_data), &only);
  if (only)
    tell(task, only, descriptor);
  else
    set_in(task, program, descriptor);
  return 0;
}
