/* SPDX-License-Identifier: GPL-2.0 */
/* Which mapping of a VMM is guest memory that others could have, too. */
#ifndef BULKHEAD_EBPF_LIB_GUEST_MEMORY_BPF_H
#define BULKHEAD_EBPF_LIB_GUEST_MEMORY_BPF_H

#include "ebpf/lib/file.bpf.h"

#define BH_VM_SHARED 0x8 /* linux/mm.h: shared, by a file that is open for writing */
#define BH_VM_MAYWRITE 0x20
#define BH_TMPFS_MAGIC 0x01021994 /* linux/magic.h */
#define BH_HUGETLBFS_MAGIC 0x958458f6
#define BH_SYSFS_MAGIC 0x62656572
#define BH_SB_NOUSER (1ul << 31) /* linux/fs.h: a file system that nobody can mount */

static __always_inline bool bh_is_writable_mapping(unsigned long flags) {
  return (flags & (BH_VM_SHARED | BH_VM_MAYWRITE)) == (BH_VM_SHARED | BH_VM_MAYWRITE);
}

/*
 * Memory that other processes can map, too: a regular file of tmpfs (memfd, /dev/shm, shared anonymous memory), of
 * hugetlbfs or of a mounted file system. Not the kernel's own pseudo files (vCPUs, rings of io_uring and aio, dma-buf),
 * nor a device's registers in sysfs and procfs, nor what is mapped privately or for reading alone, as libraries,
 * firmware and caches are.
 */
static __always_inline bool bh_is_shared_memory(struct inode* inode, unsigned long vm_flags) {
  if (!bh_is_writable_mapping(vm_flags)) return false;
  if ((BPF_CORE_READ(inode, i_mode) & BH_S_IFMT) != BH_S_IFREG) return false;
  unsigned long magic = BPF_CORE_READ(inode, i_sb, s_magic);
  if (magic == BH_TMPFS_MAGIC || magic == BH_HUGETLBFS_MAGIC) return true;
  if (magic == BH_SYSFS_MAGIC || magic == BH_PROC_SUPER_MAGIC) return false;
  return !(BPF_CORE_READ(inode, i_sb, s_flags) & BH_SB_NOUSER);
}

#endif
