/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names of an inode or a dentry for which the kernel has no struct path at hand: below a mount of its file system in
 * the actor's mount namespace. Read without locks, so they are labels and no more.
 */
#ifndef BULKHEAD_EBPF_LIB_INODE_NAME_BPF_H
#define BULKHEAD_EBPF_LIB_INODE_NAME_BPF_H

#include "ebpf/lib/label.bpf.h"

#define BH_MOUNTS_LOOKED_AT 256
#define BH_ALIASES 4

/* A file system's mounts: a list before 6.18, where one leads to the next by a pointer of its own. */
struct mount___since_6_18 {
  struct mount* mnt_next_for_sb;
} __attribute__((preserve_access_index));

struct super_block___since_6_18 {
  struct mount* s_mounts;
} __attribute__((preserve_access_index));

#define BH_MOUNTS_ARE_CHAINED bpf_core_field_exists(struct mount___since_6_18, mnt_next_for_sb)

struct super_block___before_6_18 {
  struct list_head s_mounts;
} __attribute__((preserve_access_index));

struct mount___before_6_18 {
  struct list_head mnt_instance;
} __attribute__((preserve_access_index));

struct bh_mount_search {
  struct mount* at;
  struct list_head* end; /* of the list, on kernels that have one */
  struct dentry* root;
  struct mnt_namespace* namespace;
  struct mount* found;
};

static __always_inline struct mount* bh_mount_at(struct list_head* entry) {
  return (struct mount*)((char*)entry - bpf_core_field_offset(struct mount___before_6_18, mnt_instance));
}

static long bh_mount_step(__u32 index, struct bh_mount_search* search) {
  struct mount* mount = search->at;
  if (!mount) return 1;
  if (BPF_CORE_READ(mount, mnt.mnt_root) == search->root && BPF_CORE_READ(mount, mnt_ns) == search->namespace) {
    search->found = mount;
    return 1;
  }
  if (BH_MOUNTS_ARE_CHAINED) {
    search->at = BPF_CORE_READ((struct mount___since_6_18*)mount, mnt_next_for_sb);
  } else {
    struct list_head* next = BPF_CORE_READ((struct mount___before_6_18*)mount, mnt_instance.next);
    search->at = next == search->end ? 0 : bh_mount_at(next);
  }
  return 0;
}

/* A mount of the whole file system, as the current task sees it; null when there is none. */
static __noinline struct vfsmount* bh_mount_of(struct super_block* file_system) {
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  struct bh_mount_search search = {.root = BPF_CORE_READ(file_system, s_root),
                                   .namespace = BPF_CORE_READ(task, nsproxy, mnt_ns)};
  if (BH_MOUNTS_ARE_CHAINED) {
    search.at = BPF_CORE_READ((struct super_block___since_6_18*)file_system, s_mounts);
  } else {
    struct super_block___before_6_18* before = (void*)file_system;
    search.end =
        (struct list_head*)((char*)file_system + bpf_core_field_offset(struct super_block___before_6_18, s_mounts));
    struct list_head* next = BPF_CORE_READ(before, s_mounts.next);
    search.at = next == search.end ? 0 : bh_mount_at(next);
  }
  bpf_loop(BH_MOUNTS_LOOKED_AT, bh_mount_step, &search, 0);
  if (!search.found) return 0;
  return (struct vfsmount*)((char*)search.found + bpf_core_field_offset(struct mount, mnt));
}

/* As bh_write_path_of(); nothing is written when no mount shows it. */
static __always_inline __u32 bh_write_dentry(struct dentry* dentry, __u32 offset, __u16* flags) {
  if (!dentry) return 0;
  struct vfsmount* mount = bh_mount_of(BPF_CORE_READ(dentry, d_sb));
  return mount ? bh_write_path_of(dentry, mount, offset, flags) : 0;
}

/* A name that the kernel has in mind, the newest first; null when there is none. */
static __always_inline struct dentry* bh_alias_at(struct hlist_node* node) {
  if (!node) return 0;
  return (struct dentry*)((char*)node - bpf_core_field_offset(struct dentry, d_u.d_alias));
}

static __always_inline struct dentry* bh_first_alias(struct inode* inode) {
  return bh_alias_at(BPF_CORE_READ(inode, i_dentry.first));
}

/* Where a name was. */
struct bh_alias {
  struct dentry* dentry;
  struct dentry* parent;
  __u64 hash_len;
};

static __always_inline void bh_note_aliases(struct inode* inode, struct bh_alias* aliases) {
  struct hlist_node* node = BPF_CORE_READ(inode, i_dentry.first);
  for (int i = 0; i < BH_ALIASES && node; i++) {
    struct dentry* dentry = bh_alias_at(node);
    aliases[i].dentry = dentry;
    aliases[i].parent = BPF_CORE_READ(dentry, d_parent);
    aliases[i].hash_len = BPF_CORE_READ(dentry, d_name.hash_len);
    node = BPF_CORE_READ(dentry, d_u.d_alias.next);
  }
}

/* The name that is another one by now; null when none is. */
static __always_inline struct dentry* bh_moved_alias(const struct bh_alias* aliases) {
  for (int i = 0; i < BH_ALIASES; i++) {
    struct dentry* dentry = aliases[i].dentry;
    if (!dentry) return 0;
    if (BPF_CORE_READ(dentry, d_parent) != aliases[i].parent) return dentry;
    if (BPF_CORE_READ(dentry, d_name.hash_len) != aliases[i].hash_len) return dentry;
  }
  return 0;
}

#endif
