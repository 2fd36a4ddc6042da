// SPDX-License-Identifier: GPL-2.0
// The agent's way to ask the kernel for an object's key, computed by the same code that judges accesses: stat(2) and
// /proc give other device numbers and coarser start times. Run by the agent itself (BPF_PROG_TEST_RUN), attached nowhere.
#include "ebpf/lib/owner.bpf.h"

char LICENSE[] SEC("license") = "GPL";

// The file behind a descriptor of the caller, O_PATH suffices. Returns 0, or 1 if it can be nobody's volume.
struct file_key_query {
  __u32 descriptor;
  __u32 padding;
  struct bh_file_key key;
};

SEC("syscall")
int file_key(struct file_key_query *query) {
  struct file *file = bh_file_of((struct task_struct *)bpf_get_current_task(), query->descriptor);
  struct bh_file_key key = {};
  if (!file || !bh_file_key_of(BPF_CORE_READ(file, f_inode), &key)) return 1;
  query->key = key;
  return 0;
}

// The process that a number means to the caller. Returns 0, or 1 if there is none.
struct process_query {
  __u32 number;
  __u32 tgid;
  __u64 start_ns;
};

SEC("syscall")
int process(struct process_query *query) {
  struct task_struct *task = bh_find_task((struct task_struct *)bpf_get_current_task(), query->number);
  if (!task) return 1;
  query->tgid = BPF_CORE_READ(task, tgid);
  query->start_ns = bh_start_ns(task);
  return 0;
}
