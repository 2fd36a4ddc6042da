/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DISK-08 and DISK-05: something is done with a volume besides opening it. A change begins when the kernel's own inode
 * is known, and what it is called still; it is told when its result is. Both ends name it by the call and the object.
 */
#ifndef BULKHEAD_EBPF_LIB_VOLUME_CHANGE_BPF_H
#define BULKHEAD_EBPF_LIB_VOLUME_CHANGE_BPF_H

#include "ebpf/lib/emit.bpf.h"
#include "ebpf/lib/inode_name.bpf.h"

#define BH_CHANGES_LIMIT 256 /* that are under way at once, of volumes of others */

/* linux/falloc.h: what takes something from a file or moves it. Unsharing what is shared changes nothing. */
#define BH_FALLOC_TAKES (0x02 | 0x08 | 0x10 | 0x20 | 0x80)

struct bh_change_key {
  __u64 call;   /* a thread, or a request of an io_uring */
  __u64 object; /* tells two volumes of one call apart */
};

struct bh_pending_change {
  char bytes[BH_SCRATCH_SIZE]; /* a struct bh_volume_change_record with its tails, so far as they are known */
  struct inode* inode;
  struct bh_alias aliases[BH_ALIASES];
  __u64 detail; /* of the hook's own */
};
/* The rest lives in the same place of the scratch while it is put together. */
BH_STATIC_ASSERT(sizeof(struct bh_pending_change) <= BH_SCRATCH_SIZE + BH_NAME_SIZE, "bh_pending_change");

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, BH_CHANGES_LIMIT);
  __type(key, struct bh_change_key);
  __type(value, struct bh_pending_change);
} pending_changes SEC(".maps");

/* What is known when a change begins. */
struct bh_change {
  struct inode* inode;
  struct dentry* name;  /* of the volume; null for the newest that the kernel has in mind */
  struct dentry* other; /* when it is known already */
  __u64 detail;
};

/* Everyone may read a base image, which is all that a copy of it does, and nobody may change it. */
static __always_inline bool bh_may_change(const struct bh_volume* volume, struct bh_owner actor, __u32 change) {
  if (volume->flags & BH_VOLUME_BASE) return change == BH_CHANGE_CLONED;
  return bh_same_tenant(actor, volume->owner);
}

/* False for what is no volume, and for what its owner does. Fills `found`. `change` is 0 for none that only reads. */
static __always_inline bool bh_crosses_to_volume(struct task_struct* task, struct inode* inode, __u32 change,
                                                 struct bh_volume_change_record* found) {
  if (!inode || !bh_file_key_of(inode, &found->file)) return false;
  struct bh_volume* volume = bpf_map_lookup_elem(&volumes, &found->file);
  if (!volume || (volume->flags & BH_VOLUME_MEMORY) || volume->owner.tenant == BH_OWNER_AGENT) return false;
  found->header.actor = bh_actor_owner(task);
  found->header.object = volume->owner;
  if (!bh_may_change(volume, found->header.actor, change)) return true;
  BH_COUNT(BH_PROBE_DISK_VOLUME_CHANGE, seen);
  BH_COUNT(BH_PROBE_DISK_VOLUME_CHANGE, suppressed);
  return false;
}

/* Puts the record together in this CPU's scratch, with the path; null when that is not to be had. */
static __always_inline struct bh_scratch* bh_compose_change(struct task_struct* task,
                                                            const struct bh_volume_change_record* found,
                                                            struct dentry* name) {
  bh_announce_actor(task);
  struct bh_scratch* target = bh_this_cpu_scratch();
  if (!target) return 0;
  struct bh_volume_change_record* record = (struct bh_volume_change_record*)target->bytes;
  *record = *found;
  bh_fill_actor(&record->header, task);
  record->header.kind = BH_RECORD_VOLUME_CHANGE;
  __u16 flags = 0;
  record->path_length = bh_write_dentry(name, sizeof(*record), &flags);
  if (found->header.actor.tenant == BH_OWNER_HOST && bh_is_trusted(task, BH_MAY_OPEN_VOLUMES)) flags |= BH_FLAG_TRUSTED;
  record->header.flags = flags;
  return target;
}

/* Once for each record that was composed. */
static __always_inline void bh_add_other_path(struct bh_scratch* target, struct dentry* other) {
  struct bh_volume_change_record* record = (struct bh_volume_change_record*)target->bytes;
  __u16 flags = 0;
  record->other_length = bh_write_dentry(other, sizeof(*record) + record->path_length, &flags);
  if (flags & BH_FLAG_PATH_CUT) record->header.flags |= BH_FLAG_OTHER_PATH_CUT;
}

static __always_inline void bh_tell_change(struct bh_scratch* target, __u32 change, __s64 result, __u64 length) {
  struct bh_volume_change_record* record = (struct bh_volume_change_record*)target->bytes;
  record->change = change;
  record->result = result;
  record->length = length;
  __u32 size = sizeof(*record) + record->path_length + record->other_length;
  bh_stamp(&record->header, BH_PROBE_DISK_VOLUME_CHANGE, BH_RECORD_VOLUME_CHANGE, size);
  BH_COUNT(BH_PROBE_DISK_VOLUME_CHANGE, seen);
  bh_count_output(BH_PROBE_DISK_VOLUME_CHANGE, bh_output_scratch(target, size));
}

static __always_inline void bh_lose_change(void) {
  BH_COUNT(BH_PROBE_DISK_VOLUME_CHANGE, seen);
  BH_COUNT(BH_PROBE_DISK_VOLUME_CHANGE, lost);
}

/* A change that is done: of the file behind a descriptor, whose other file is known. */
static __always_inline void bh_volume_changed(struct inode* inode, struct dentry* name, struct dentry* other,
                                              __u32 change, __s64 result, __u64 length) {
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  struct bh_volume_change_record found = {};
  if (!bh_crosses_to_volume(task, inode, change, &found)) return;
  struct bh_scratch* target = bh_compose_change(task, &found, name);
  if (!target) {
    bh_lose_change();
    return;
  }
  bh_add_other_path(target, other);
  bh_tell_change(target, change, result, length);
}

static __always_inline void bh_begin_change(const struct bh_change_key* key, const struct bh_change* change) {
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  struct bh_volume_change_record found = {};
  if (!bh_crosses_to_volume(task, change->inode, 0, &found)) return;
  struct dentry* name = change->name ? change->name : bh_first_alias(change->inode);
  struct bh_scratch* target = bh_compose_change(task, &found, name);
  if (!target) {
    bh_lose_change();
    return;
  }
  bh_add_other_path(target, change->other);
  struct bh_pending_change* pending = (struct bh_pending_change*)target->bytes;
  pending->inode = change->inode;
  pending->detail = change->detail;
  __builtin_memset(pending->aliases, 0, sizeof(pending->aliases));
  bh_note_aliases(change->inode, pending->aliases);
  if (bpf_map_update_elem(&pending_changes, key, pending, BPF_ANY)) bh_lose_change();
}

/* Into this CPU's scratch; null when nothing began there. */
static __always_inline struct bh_scratch* bh_take_change(const struct bh_change_key* key) {
  struct bh_pending_change* pending = bpf_map_lookup_elem(&pending_changes, key);
  struct bh_scratch* target = bh_this_cpu_scratch();
  if (!pending || !target) return 0;
  bpf_probe_read_kernel(target->bytes, sizeof(*pending), pending);
  bpf_map_delete_elem(&pending_changes, key);
  return target;
}

/* Of one file into another inside the kernel, whole or in part. */
static __always_inline void bh_copied(struct file* source, struct file* target, __s64 result) {
  if (!source || !target || result <= 0) return;
  struct dentry* source_name = BPF_CORE_READ(source, f_path.dentry);
  struct dentry* target_name = BPF_CORE_READ(target, f_path.dentry);
  bh_volume_changed(BPF_CORE_READ(source, f_inode), source_name, target_name, BH_CHANGE_CLONED, result, 0);
  bh_volume_changed(BPF_CORE_READ(target, f_inode), target_name, source_name, BH_CHANGE_CLONED_OVER, result, 0);
}

/* A call of the kind of fallocate succeeded: `mode` and `length` are as it had them, `end` where the range ends. */
static __always_inline void bh_allocated(struct file* file, __u32 mode, __u64 end, __u64 length) {
  if (!file) return;
  struct inode* inode = BPF_CORE_READ(file, f_inode);
  struct dentry* name = BPF_CORE_READ(file, f_path.dentry);
  if (mode & BH_FALLOC_TAKES)
    bh_volume_changed(inode, name, 0, BH_CHANGE_PUNCHED, 0, length);
  else if (!mode && (__u64)BPF_CORE_READ(inode, i_size) == end)
    bh_volume_changed(inode, name, 0, BH_CHANGE_TRUNCATED, 0, end);
}

#endif
