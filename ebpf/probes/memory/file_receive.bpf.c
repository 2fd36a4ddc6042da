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
  if ((__s32)result || (BPF_CORE_READ(file, f_mode) & BH_FMODE_PATH)) return 0;
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  struct inode* inode = BPF_CORE_READ(file, f_inode);
  unsigned long magic = BPF_CORE_READ(inode, i_sb, s_magic);
  if (magic == BH_PROC_SUPER_MAGIC) {
    bh_judge_procfs(BH_PROBE_MEMORY_FILE_RECEIVE, task, file, inode, BH_OPEN_RECEIVED, 0);
  } else if (magic == BH_ANON_INODE_FS_MAGIC) {
    judge_anonymous(file);
  } else if ((BPF_CORE_READ(inode, i_mode) & BH_S_IFMT) == BH_S_IFCHR) {
    __u32 device = BPF_CORE_READ(inode, i_rdev);
    if (bh_is_memory_device(device))
      bh_judge_host_memory(BH_PROBE_MEMORY_FILE_RECEIVE, task, file, device, BH_OPEN_RECEIVED);
  } else {
    bh_judge_volume(BH_PROBE_MEMORY_FILE_RECEIVE, task, file, inode, BH_OPEN_RECEIVED);
  }
  return 0;
}
