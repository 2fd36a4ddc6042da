// SPDX-License-Identifier: GPL-2.0
// Keeps the map of VMMs true between the agent's updates: children inherit, a starting emulator is nobody's equal until
// the agent knows its domain, an ended process leaves.
#include "ebpf/lib/emit.bpf.h"

char LICENSE[] SEC("license") = "GPL";

static __always_inline void tell(struct task_struct* task, struct bh_owner owner, __u32 change) {
  struct bh_lifecycle_record record = {};
  bh_fill_actor(&record.header, task);
  record.header.actor = owner;
  record.change = change;
  BH_COUNT(BH_PROBE_CONTROL_VMM_LIFECYCLE, seen);
  bh_submit(&record.header, BH_PROBE_CONTROL_VMM_LIFECYCLE, BH_RECORD_LIFECYCLE, sizeof(record));
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(forked, struct task_struct* parent, struct task_struct* child) {
  __u32 tgid = child->tgid;
  if ((__u32)child->pid != tgid) return 0; /* a thread: its group is in the map already */
  struct bh_vmm* vmm = bh_vmm_of(parent);
  if (!vmm) return 0;
  struct bh_vmm inherited = {
      .owner = vmm->owner, .start_ns = bh_start_ns(child), .flags = vmm->flags | BH_VMM_DESCENDANT};
  if (bpf_map_update_elem(&vmms, &tgid, &inherited, BPF_ANY)) {
    BH_COUNT(BH_PROBE_CONTROL_VMM_LIFECYCLE, seen);
    BH_COUNT(BH_PROBE_CONTROL_VMM_LIFECYCLE, lost);
  }
  return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(executed, struct task_struct* task, pid_t old_pid, struct linux_binprm* program) {
  struct bh_file_key key;
  if (!bh_file_key_of(BPF_CORE_READ(program, file, f_inode), &key)) return 0;
  if (!bpf_map_lookup_elem(&emulators, &key) || bh_vmm_of(task)) return 0;
  __u32 tgid = task->tgid;
  struct bh_vmm starting = {.owner = {BH_OWNER_STARTING, tgid}, .start_ns = bh_start_ns(task)};
  if (bpf_map_update_elem(&vmms, &tgid, &starting, BPF_ANY)) {
    BH_COUNT(BH_PROBE_CONTROL_VMM_LIFECYCLE, seen);
    BH_COUNT(BH_PROBE_CONTROL_VMM_LIFECYCLE, lost);
    return 0;
  }
  tell(task, starting.owner, BH_LIFECYCLE_EMULATOR_EXEC);
  return 0;
}

// The last thread's exit ends the process: signal->live is 0 by then on every kernel that has this tracepoint.
SEC("tp_btf/sched_process_exit")
int BPF_PROG(exited, struct task_struct* task) {
  __u32 tgid = task->tgid;
  struct bh_vmm* vmm = bpf_map_lookup_elem(&vmms, &tgid);
  if (!vmm || BPF_CORE_READ(task, signal, live.counter) != 0) return 0;
  struct bh_owner owner = vmm->owner;
  bool descendant = vmm->flags & BH_VMM_DESCENDANT;
  bpf_map_delete_elem(&vmms, &tgid);
  if (!descendant) tell(task, owner, BH_LIFECYCLE_VMM_EXIT);
  return 0;
}
