/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Labels for people: paths and cgroup names, written as components, deepest first, each ended by NUL, behind a record
 * in this CPU's scratch. The walks are bpf_loop callbacks (5.17, e6f2dd0f8067), which the verifier checks once.
 */
#ifndef BULKHEAD_EBPF_LIB_LABEL_BPF_H
#define BULKHEAD_EBPF_LIB_LABEL_BPF_H

#include "ebpf/lib/bulkhead.bpf.h"

#define BH_NAME_SIZE 256 /* NAME_MAX and NUL */
#define BH_SCRATCH_SIZE 2048
#define BH_PATH_DEPTH 64

/* Where a walk is. It lives in a map, not on the stack, so that the verifier need not follow its values step by step.
 */
struct bh_label_walk {
  struct dentry* dentry;
  struct vfsmount* vfsmount;
  struct kernfs_node* node;
  __u32 offset; /* in the scratch, of the next component */
  __u32 end;
  __u32 complete;
  __u32 padding;
};

struct bh_scratch {
  char bytes[BH_SCRATCH_SIZE + BH_NAME_SIZE];
  struct bh_label_walk walk;
};

#ifndef BH_PREEMPTIBLE
/* Where one record of a process's context is put together. Softirq programs must not use it. */
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct bh_scratch);
} scratch SEC(".maps");

static __always_inline struct bh_scratch* bh_this_cpu_scratch(void) {
  __u32 zero = 0;
  return bpf_map_lookup_elem(&scratch, &zero);
}
#else
/*
 * The same for programs on uprobes, which another thread may preempt on their CPU (8c7dcb84e3b7): by thread. A program
 * calls bh_begin_scratch() before it labels anything, and bh_end_scratch() after.
 */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 256);
  __type(key, __u64);
  __type(value, struct bh_scratch);
} scratch SEC(".maps");

static const struct bh_scratch bh_empty_scratch;

static __always_inline struct bh_scratch* bh_this_cpu_scratch(void) {
  __u64 thread = bpf_get_current_pid_tgid();
  return bpf_map_lookup_elem(&scratch, &thread);
}

static __always_inline void bh_begin_scratch(void) {
  __u64 thread = bpf_get_current_pid_tgid();
  bpf_map_update_elem(&scratch, &thread, &bh_empty_scratch, BPF_ANY);
}

static __always_inline void bh_end_scratch(void) {
  __u64 thread = bpf_get_current_pid_tgid();
  bpf_map_delete_elem(&scratch, &thread);
}
#endif

/* kernfs_node.parent became __parent in 6.15 (633488947ef6). */
struct kernfs_node___before_6_15 {
  struct kernfs_node* parent;
} __attribute__((preserve_access_index));

static __always_inline bool bh_append_component(struct bh_scratch* target, const void* name) {
  __u32 offset = target->walk.offset;
  if (offset >= target->walk.end) return false;
  long written = bpf_probe_read_kernel_str(target->bytes + (offset & (BH_SCRATCH_SIZE - 1)), BH_NAME_SIZE, name);
  if (written <= 0) return false;
  target->walk.offset = offset + written;
  return true;
}

static long bh_path_step(__u32 index, void* unused) {
  struct bh_scratch* target = bh_this_cpu_scratch();
  if (!target) return 1;
  struct bh_label_walk* walk = &target->walk;
  struct dentry* dentry = walk->dentry;
  struct vfsmount* vfsmount = walk->vfsmount;
  struct dentry* parent = BPF_CORE_READ(dentry, d_parent);
  struct dentry* root = BPF_CORE_READ(vfsmount, mnt_root);
  if (dentry == parent && dentry != root) { /* a file in no folder: a memfd, an anonymous inode */
    walk->complete = bh_append_component(target, BPF_CORE_READ(dentry, d_name.name));
    return 1;
  }
  if (dentry == root) {
    struct mount* mount = (struct mount*)((char*)vfsmount - bpf_core_field_offset(struct mount, mnt));
    struct mount* outer = BPF_CORE_READ(mount, mnt_parent);
    if (outer == mount || !outer) {
      walk->complete = 1;
      return 1;
    }
    walk->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
    walk->vfsmount = (struct vfsmount*)((char*)outer + bpf_core_field_offset(struct mount, mnt));
    return 0;
  }
  if (!bh_append_component(target, BPF_CORE_READ(dentry, d_name.name))) return 1;
  walk->dentry = parent;
  return 0;
}

static __always_inline __u32 bh_label_length(const struct bh_label_walk* walk, __u32 begin) {
  return (walk->offset < walk->end ? walk->offset : walk->end) - begin;
}

/* Crosses mounts as d_path does. Returns the bytes written at `offset`; sets `flags` if the root was not reached. */
static __noinline __u32 bh_write_path_of(struct dentry* dentry, struct vfsmount* vfsmount, __u32 offset, __u16* flags) {
  struct bh_scratch* target = bh_this_cpu_scratch();
  if (!target) return 0;
  struct bh_label_walk* walk = &target->walk;
  walk->offset = offset;
  walk->end = offset + BH_PATH_CAPACITY < BH_SCRATCH_SIZE ? offset + BH_PATH_CAPACITY : BH_SCRATCH_SIZE;
  walk->complete = 0;
  walk->dentry = dentry;
  walk->vfsmount = vfsmount;
  bpf_loop(BH_PATH_DEPTH, bh_path_step, 0, 0);
  if (!walk->complete) *flags |= BH_FLAG_PATH_CUT;
  return bh_label_length(walk, offset);
}

static __always_inline __u32 bh_write_path(struct file* file, __u32 offset, __u16* flags) {
  return bh_write_path_of(BPF_CORE_READ(file, f_path.dentry), BPF_CORE_READ(file, f_path.mnt), offset, flags);
}

static long bh_cgroup_step(__u32 index, void* unused) {
  struct bh_scratch* target = bh_this_cpu_scratch();
  if (!target) return 1;
  struct kernfs_node *node = target->walk.node, *parent;
  if (bpf_core_field_exists(node->__parent))
    parent = BPF_CORE_READ(node, __parent);
  else
    parent = BPF_CORE_READ((struct kernfs_node___before_6_15*)node, parent);
  if (!parent || !bh_append_component(target, BPF_CORE_READ(node, name))) return 1;
  target->walk.node = parent;
  return 0;
}

/* A cgroup's path below the root of its hierarchy; nothing for the root. */
static __noinline __u32 bh_write_cgroup_of(struct kernfs_node* node, __u32 offset) {
  struct bh_scratch* target = bh_this_cpu_scratch();
  if (!target) return 0;
  struct bh_label_walk* walk = &target->walk;
  walk->offset = offset;
  walk->end = offset + BH_CGROUP_CAPACITY;
  walk->node = node;
  bpf_loop(BH_CGROUP_DEPTH, bh_cgroup_step, 0, 0);
  return bh_label_length(walk, offset);
}

/* The task's place in the cgroup v2 tree. */
static __always_inline __u32 bh_write_cgroup(struct task_struct* task, __u32 offset) {
  return bh_write_cgroup_of(BPF_CORE_READ(task, cgroups, dfl_cgrp, kn), offset);
}

#endif
