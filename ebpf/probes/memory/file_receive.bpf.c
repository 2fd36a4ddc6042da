// SPDX-License-Identifier: GPL-2.0
// MEM-04, and MEM-03, MEM-05, MEM-08, MEM-10 and DISK-01 without an open, tier 1: a descriptor that comes from another
// process, by SCM_RIGHTS or pidfd_getfd, when the kernel has asked whether the receiver may have it. It is judged as an
// open of that file would be.
#include "ebpf/lib/opened_file.bpf.h"
#include "ebpf/lib/userfaultfd.bpf.h"

char LICENSE[] SEC("license") = "GPL";

static __always_inline void judge_anonymous(struct file* file) {
  struct bh_memory_call call = {.operation = BH_MEMORY_USERFAULTFD_RECEIVE, .open_flags = BPF_CORE_READ(file, f_flags)};
  struct task_struct* target = bh_userfaultfd_task(file);
  if (target && bh_vmm_of(target)) bh_memory_access(BH_PROBE_MEMORY_FILE_RECEIVE, target, &call, 0);
}

SEC("fexit/security_file_receive")
int BPF_PROG(received, struct file* file) {
  __u64 result = 0;
  bpf_get_func_ret(ctx, &result);
  if ((__s32)result) return 0;
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  struct bh_open_file open;
  bh_look_at(file, true, &open);
  if (open.access & BH_FMODE_PATH) return 0;
  if (open.magic == BH_PROC_SUPER_MAGIC) {
    bh_judge_procfs(BH_PROBE_MEMORY_FILE_RECEIVE, task, file, open.inode, BH_OPEN_RECEIVED, 0);
  } else if (open.magic == BH_ANON_INODE_FS_MAGIC) {
    judge_anonymous(file);
  } else if (open.type == BH_S_IFCHR) {
    if (bh_is_memory_device(open.device))
      bh_judge_host_memory(BH_PROBE_MEMORY_FILE_RECEIVE, task, file, open.device, BH_OPEN_RECEIVED);
  } else {
    bh_judge_storage(BH_PROBE_MEMORY_FILE_RECEIVE, task, &open, BH_OPEN_RECEIVED);
  }
  return 0;
}
