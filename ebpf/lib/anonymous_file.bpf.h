/* SPDX-License-Identifier: GPL-2.0 */
/* Files that the kernel makes without a name in any file system: events, links, virtual machines. */
#ifndef BULKHEAD_EBPF_LIB_ANONYMOUS_FILE_BPF_H
#define BULKHEAD_EBPF_LIB_ANONYMOUS_FILE_BPF_H

#include "ebpf/lib/file.bpf.h"

#define BH_ANONYMOUS_NAME_SIZE 16

/* Is it the one that the kernel calls `wanted`, a string literal? No user can give a name to an anonymous inode. */
static __always_inline bool bh_is_anonymous_file(struct file* file, const char* wanted) {
  char name[BH_ANONYMOUS_NAME_SIZE] = {};
  if (BPF_CORE_READ(file, f_inode, i_sb, s_magic) != BH_ANON_INODE_FS_MAGIC) return false;
  bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(file, f_path.dentry, d_name.name));
  return bpf_strncmp(name, sizeof(name), wanted) == 0;
}

#endif
