/* SPDX-License-Identifier: GPL-2.0 */
/* Mounts: which was made last, and what its file system is on. */
#ifndef BULKHEAD_EBPF_LIB_MOUNT_BPF_H
#define BULKHEAD_EBPF_LIB_MOUNT_BPF_H

#include "ebpf/lib/file.bpf.h"

#define BH_SB_RDONLY 1     /* linux/fs.h */
#define BH_MNT_READONLY 64 /* linux/mount.h, 0x40 */
#define BH_BTRFS_SUPER_MAGIC 0x9123683E

/* Calls of mount(2) that change a mount and make none: MS_REMOUNT, MS_MOVE, MS_UNBINDABLE to MS_SHARED. */
#define BH_MS_CHANGES (32ul | 8192ul | (1ul << 17) | (1ul << 18) | (1ul << 19) | (1ul << 20))

/* Before 6.8 (2eea9ce4310d): a list, the newest at its end. */
struct mnt_namespace___before_6_8 {
  struct list_head list;
} __attribute__((preserve_access_index));

/* Since 6.8: a tree by a number that grows with each mount; mount.mnt_node is its node. The last is kept since 6.13. */
struct mnt_namespace___before_6_13 {
  struct rb_root mounts;
} __attribute__((preserve_access_index));

struct bh_mount {
  struct super_block* file_system;
  struct bh_file_key root;
  __u32 device;
  __u32 read_only;
};

static __always_inline struct mount* bh_mount_of(struct vfsmount* vfsmount) {
  return (struct mount*)((char*)vfsmount - bpf_core_field_offset(struct mount, mnt));
}

/* At the exit of mount(2). */
static __always_inline bool bh_makes_mount(void) {
  struct pt_regs* registers = (struct pt_regs*)bpf_task_pt_regs(bpf_get_current_task_btf());
  return !(registers->r10 & BH_MS_CHANGES);
}

static __always_inline struct mount* bh_last_of_tree(struct mnt_namespace* namespace) {
  struct rb_node* node = 0;
  if (bpf_core_field_exists(namespace->mnt_last_node)) {
    node = BPF_CORE_READ(namespace, mnt_last_node);
  } else {
    struct rb_node* next = BPF_CORE_READ((struct mnt_namespace___before_6_13*)namespace, mounts.rb_node);
    for (int depth = 0; depth < 40 && next; depth++) {
      node = next;
      next = BPF_CORE_READ(node, rb_right);
    }
  }
  if (!node) return 0;
  return (struct mount*)((char*)node - bpf_core_field_offset(struct mount, mnt_node));
}

/* Of the current task's namespace. Another thread may have mounted at the same moment: then that one is told twice. */
static __always_inline struct mount* bh_newest_mount(void) {
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  struct mnt_namespace* namespace = BPF_CORE_READ(task, nsproxy, mnt_ns);
  struct mnt_namespace___before_6_8* before = (void*)namespace;
  if (!bpf_core_field_exists(before->list)) return bh_last_of_tree(namespace);
  struct list_head* last = BPF_CORE_READ(before, list.prev);
  return (struct mount*)((char*)last - bpf_core_field_offset(struct mount, mnt_list));
}

/* False for what can be on no volume: proc, tmpfs, a network's file system, and a folder of these. */
static __always_inline bool bh_look_at_mount(struct mount* mount, struct bh_mount* found) {
  __builtin_memset(found, 0, sizeof(*found));
  struct super_block* file_system = BPF_CORE_READ(mount, mnt.mnt_sb);
  struct block_device* device = BPF_CORE_READ(file_system, s_bdev);
  found->file_system = file_system;
  if (device) found->device = BPF_CORE_READ(device, bd_dev);
  found->read_only =
      (BPF_CORE_READ(file_system, s_flags) & BH_SB_RDONLY) || (BPF_CORE_READ(mount, mnt.mnt_flags) & BH_MNT_READONLY);
  bool is_file = bh_file_key_of(BPF_CORE_READ(mount, mnt.mnt_root, d_inode), &found->root);
  return device || is_file || BPF_CORE_READ(file_system, s_magic) == BH_BTRFS_SUPER_MAGIC;
}

#endif
