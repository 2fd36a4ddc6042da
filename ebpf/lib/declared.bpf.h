/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a VMM may open or connect to on the host, by the kernel's own objects: what its domain declares, what every VMM
 * needs, and what is below a directory of these. VMM-02 and VMM-04.
 */
#ifndef BULKHEAD_EBPF_LIB_DECLARED_BPF_H
#define BULKHEAD_EBPF_LIB_DECLARED_BPF_H

#include "ebpf/lib/owner.bpf.h"
#include "ebpf/lib/proc_mem.bpf.h"

#define BH_TREE_DEPTH 64

/* Null in a process that is no VMM's, and in one whose declared set is not known: it is not judged. */
static __always_inline struct bh_vmm* bh_confined_vmm(void) {
  struct bh_vmm* vmm = bh_current_vmm();
  return vmm && (vmm->flags & BH_VMM_CONFINED) ? vmm : 0;
}

struct bh_tree_walk {
  struct dentry* dentry;
  struct bh_declared_key key;
  __u32 access;
};

#define BH_DECLARED_OF_DOMAIN 0x80000000u /* the access is the domain's own, not every domain's */

/* Of the domain, or else of every domain. Programs that call this have used up their stack: it takes none. */
static __always_inline __u32 bh_declared_access(const struct bh_declared_key* key) {
  struct bh_declared* declared = bpf_map_lookup_elem(&declared_files, key);
  if (declared) return declared->access | BH_DECLARED_OF_DOMAIN;
  struct bh_declared_key shared = *key;
  shared.domain = 0;
  declared = bpf_map_lookup_elem(&declared_files, &shared);
  return declared ? declared->access : 0;
}

/* The nearest declared directory decides. Mounts are not crossed: whoever mounts something there declares nothing. */
static long bh_tree_step(__u32 index, struct bh_tree_walk* walk) {
  struct dentry* dentry = walk->dentry;
  struct dentry* parent = BPF_CORE_READ(dentry, d_parent);
  if (!parent || parent == dentry) return 1;
  walk->dentry = parent;
  bh_declared_file_of(BPF_CORE_READ(parent, d_inode), &walk->key.file);
  __u32 access = bh_declared_access(&walk->key);
  if (!(access & BH_DECLARED_BELOW)) return 0;
  walk->access = access;
  return 1;
}

/* Does the domain declare this file for `wanted` (BH_DECLARED_READ and WRITE)? */
static __noinline bool bh_is_declared(struct inode* inode, struct dentry* dentry, __u32 domain, __u32 wanted) {
  struct bh_tree_walk walk = {.dentry = dentry, .key = {.domain = domain}};
  bh_declared_file_of(inode, &walk.key.file);
  walk.access = bh_declared_access(&walk.key);
  if ((walk.access & wanted) == wanted) return true;
  if (walk.access || walk.key.file.is_block) return false;
  bpf_loop(BH_TREE_DEPTH, bh_tree_step, &walk, 0);
  if ((walk.access & wanted) != wanted) return false;
  /*
   * A file with several names may be anybody's: a link to it in the domain's own directory, where its VMM may make
   * one, is no part of that. In a directory of the system root alone makes them, and does: perf's cache and ostree
   * give libraries a second name.
   */
  bool is_directory = (BPF_CORE_READ(inode, i_mode) & BH_S_IFMT) == BH_S_IFDIR;
  bool may_be_shared = !(walk.access & BH_DECLARED_OF_DOMAIN) && !(wanted & BH_DECLARED_WRITE);
  return is_directory || may_be_shared || BPF_CORE_READ(inode, i_nlink) <= 1;
}

/* QEMU that is told to end writes into its log who told it. Names in procfs are the kernel's. */
static __always_inline bool bh_is_command_line(struct dentry* dentry) {
  char name[8] = {};
  bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(dentry, d_name.name));
  return name[0] == 'c' && name[1] == 'm' && name[2] == 'd' && name[3] == 'l' && name[4] == 'i' && name[5] == 'n' &&
         name[6] == 'e' && !name[7];
}

/* Procfs: its own processes' files, and for reading what stands for no process, and command lines. */
static __always_inline bool bh_is_own_proc(struct inode* inode, struct dentry* dentry, struct bh_vmm* vmm,
                                           __u32 wanted) {
  struct pid* pid = BPF_CORE_READ(bh_proc_inode(inode), pid);
  if (!(wanted & BH_DECLARED_WRITE) && (!pid || bh_is_command_line(dentry))) return true;
  if (!pid) return false;
  struct task_struct* target = bh_pid_task(pid);
  struct bh_vmm* owner = target ? bh_vmm_of(target) : 0;
  return owner && owner->owner.domain == vmm->owner.domain;
}

/* `file` is open and the VMM's; is it the host's, and none of its business? */
static __always_inline bool bh_is_undeclared(struct file* file, struct inode* inode, struct bh_vmm* vmm) {
  __u32 mode = BPF_CORE_READ(file, f_mode);
  __u32 wanted = (mode & BH_FMODE_READ ? BH_DECLARED_READ : 0) | (mode & BH_FMODE_WRITE ? BH_DECLARED_WRITE : 0);
  unsigned long magic = BPF_CORE_READ(inode, i_sb, s_magic);
  struct dentry* dentry = BPF_CORE_READ(file, f_path.dentry);
  if (magic == BH_PROC_SUPER_MAGIC) return !bh_is_own_proc(inode, dentry, vmm, wanted);
  if (magic == BH_SYSFS_MAGIC && !(wanted & BH_DECLARED_WRITE)) return false;
  return !bh_is_declared(inode, dentry, vmm->owner.domain, wanted);
}

/* What has no name in any mount namespace, and what a file system opens for itself, is no file of the host's. */
static __always_inline bool bh_is_host_file(struct file* file) {
  return !(BPF_CORE_READ(file, f_mode) & BH_FMODE_NOACCOUNT) &&
         !(BPF_CORE_READ(file, f_path.mnt, mnt_flags) & BH_MNT_INTERNAL);
}

#endif
