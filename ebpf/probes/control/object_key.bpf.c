// SPDX-License-Identifier: GPL-2.0
// The agent's way to ask the kernel for an object's key, computed by the same code that judges accesses: stat(2) and
// /proc give other device numbers and coarser start times. Run by the agent itself (BPF_PROG_TEST_RUN), attached
// nowhere.
#include "ebpf/lib/block_cgroup.bpf.h"
#include "ebpf/lib/ledger_maps.bpf.h"
#include "ebpf/lib/owner.bpf.h"

char LICENSE[] SEC("license") = "GPL";

// All return 0, or 1 if there is no such thing.

SEC("syscall")
int file_key(struct bh_file_key_query* query) {
  struct file* file = bh_file_of((struct task_struct*)bpf_get_current_task(), query->descriptor);
  struct bh_file_key key = {};
  if (!file || !bh_file_key_of(BPF_CORE_READ(file, f_inode), &key)) return 1;
  query->key = key;
  return 0;
}

/* Of any kind of file, as declared_files has it. */
SEC("syscall")
int declared_key(struct bh_file_key_query* query) {
  struct file* file = bh_file_of((struct task_struct*)bpf_get_current_task(), query->descriptor);
  struct bh_file_key key = {};
  if (!file) return 1;
  bh_declared_file_of(BPF_CORE_READ(file, f_inode), &key);
  query->key = key;
  return 0;
}

SEC("syscall")
int endpoint_key(struct bh_endpoint_key_query* query) {
  struct file* file = bh_file_of((struct task_struct*)bpf_get_current_task(), query->descriptor);
  struct bh_endpoint_key key = {};
  if (!file || !bh_endpoint_key_of(BPF_CORE_READ(file, f_inode), &key)) return 1;
  query->key = key;
  return 0;
}

SEC("syscall")
int process(struct bh_process_query* query) {
  struct task_struct* task = bh_find_task((struct task_struct*)bpf_get_current_task(), query->number);
  /* One that ended has left the map of VMMs (vmm_lifecycle.bpf.c), though its parent did not wait for it yet. */
  if (!task || BPF_CORE_READ(task, signal, live.counter) == 0) return 1;
  query->tgid = BPF_CORE_READ(task, tgid);
  query->start_ns = bh_start_ns(task);
  return 0;
}

/* The cgroup that a process's block I/O is accounted to; 0 for the root, which nobody has for itself. */
SEC("syscall")
int block_cgroup(struct bh_cgroup_query* query) {
  struct task_struct* task = bh_find_task((struct task_struct*)bpf_get_current_task(), query->process);
  if (!task) return 1;
  struct cgroup_subsys_state* state = bh_block_state_of(task);
  query->cgroup = bh_is_root_state(state) ? 0 : BPF_CORE_READ(bh_cgroup_node(state), id);
  return 0;
}
