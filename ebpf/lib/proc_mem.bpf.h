/* SPDX-License-Identifier: GPL-2.0 */
/* Files of procfs that stand for a process's memory. */
#ifndef BULKHEAD_EBPF_LIB_PROC_MEM_BPF_H
#define BULKHEAD_EBPF_LIB_PROC_MEM_BPF_H

#include "ebpf/lib/task.bpf.h"

static __always_inline struct proc_inode* bh_proc_inode(struct inode* inode) {
  return (struct proc_inode*)((char*)inode - bpf_core_field_offset(struct proc_inode, vfs_inode));
}

/*
 * The task whose memory a procfs file is, null for any other file of procfs. Names in procfs are the kernel's: nobody
 * can give "mem" to another file of a process's folder, and a bind mount keeps the dentry.
 */
static __always_inline struct task_struct* bh_proc_mem_task(struct file* file, struct inode* inode) {
  char name[4] = {};
  bpf_probe_read_kernel(name, sizeof(name), BPF_CORE_READ(file, f_path.dentry, d_name.name));
  if (name[0] != 'm' || name[1] != 'e' || name[2] != 'm' || name[3] != 0) return 0;
  struct pid* pid = BPF_CORE_READ(bh_proc_inode(inode), pid);
  return pid ? bh_pid_task(pid) : 0;
}

/* /proc/kcore, and /proc/vmcore of a crash kernel: files of procfs that stand for no process. */
static __always_inline bool bh_is_proc_host_memory(struct file* file, struct inode* inode) {
  char name[7] = {};
  bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(file, f_path.dentry, d_name.name));
  bool is_kcore = name[0] == 'k' && name[1] == 'c' && name[2] == 'o' && name[3] == 'r' && name[4] == 'e' && !name[5];
  bool is_vmcore =
      name[0] == 'v' && name[1] == 'm' && name[2] == 'c' && name[3] == 'o' && name[4] == 'r' && name[5] == 'e';
  return (is_kcore || is_vmcore) && !BPF_CORE_READ(bh_proc_inode(inode), pid);
}

#endif
