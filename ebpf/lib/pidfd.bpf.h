/* SPDX-License-Identifier: GPL-2.0 */
/* From a pidfd to its task. */
#ifndef BULKHEAD_EBPF_LIB_PIDFD_BPF_H
#define BULKHEAD_EBPF_LIB_PIDFD_BPF_H

#include "ebpf/lib/file.bpf.h"
#include "ebpf/lib/task.bpf.h"

#define BH_PIDFS_MAGIC 0x50494446 /* linux/magic.h, since 6.9 (cb12fd8e0dab) */

/*
 * Null for what is no pidfd. Since 6.9 it is a file of pidfs, whose inode names the struct pid; before, an anonymous
 * inode whose file does, told from others by the name that the kernel gave it.
 */
static __always_inline struct task_struct* bh_pidfd_task(struct task_struct* task, __u32 descriptor) {
  struct file* file = bh_file_of(task, descriptor);
  if (!file) return 0;
  unsigned long magic = BPF_CORE_READ(file, f_inode, i_sb, s_magic);
  struct pid* pid = 0;
  if (magic == BH_PIDFS_MAGIC) {
    pid = (struct pid*)BPF_CORE_READ(file, f_inode, i_private);
  } else if (magic == BH_ANON_INODE_FS_MAGIC) {
    char name[8] = {};
    bpf_probe_read_kernel(name, sizeof(name), BPF_CORE_READ(file, f_path.dentry, d_name.name));
    if (name[0] == '[' && name[1] == 'p' && name[2] == 'i' && name[3] == 'd' && name[4] == 'f' && name[5] == 'd' &&
        name[6] == ']')
      pid = (struct pid*)BPF_CORE_READ(file, private_data);
  }
  return pid ? bh_pid_task(pid) : 0;
}

#endif
