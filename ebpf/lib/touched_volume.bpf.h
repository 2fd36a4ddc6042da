/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tier 2 of disk.volume_change. Whoever renames, unlinks, links or truncates a file, or changes its attributes, makes
 * the file system set the inode's time of change, in the call that does it: there the inode is looked up, and at the
 * call's end it is told.
 */
#ifndef BULKHEAD_EBPF_LIB_TOUCHED_VOLUME_BPF_H
#define BULKHEAD_EBPF_LIB_TOUCHED_VOLUME_BPF_H

#include "ebpf/lib/changing_call.bpf.h"
#include "ebpf/lib/volume_change.bpf.h"

#define BH_VOLUMES_OF_A_CALL 2 /* a rename's two names */
#define BH_TELL_AGAIN_NS 100000000ULL

/* What was told of calls whose end is not hooked, because everybody makes them: such a call sets the time several
 * times. */
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, BH_CHANGES_LIMIT);
  __type(key, struct bh_change_key);
  __type(value, __u64);
} told_changes SEC(".maps");

static __always_inline bool bh_told_already(struct inode* inode) {
  struct bh_change_key key = {.call = bpf_get_current_pid_tgid(), .object = (__u64)inode};
  __u64 now = bpf_ktime_get_boot_ns();
  __u64* last = bpf_map_lookup_elem(&told_changes, &key);
  bool is_told = last && now - *last < BH_TELL_AGAIN_NS;
  bpf_map_update_elem(&told_changes, &key, &now, BPF_ANY);
  return is_told;
}

static __noinline int bh_tell_once(struct inode* inode, struct inode* other, __u32 change) {
  struct bh_volume_change_record found = {};
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  if (!bh_crosses_to_volume(task, inode, change, &found)) return 0;
  if (bh_told_already(inode)) {
    BH_COUNT(BH_PROBE_DISK_VOLUME_CHANGE, seen);
    BH_COUNT(BH_PROBE_DISK_VOLUME_CHANGE, coalesced);
    return 0;
  }
  struct bh_scratch* target = bh_compose_change(task, &found, bh_first_alias(inode));
  if (!target) {
    bh_lose_change();
    return 0;
  }
  bh_add_other_path(target, other ? bh_first_alias(other) : 0);
  bh_tell_change(target, change, 0, 0);
  return 0;
}

static __noinline int bh_begin_call(__u64 identity, struct inode* inode, __u32 kind) {
  struct bh_change change = {.inode = inode, .detail = kind};
  struct bh_change_key key = {.call = identity};
  for (key.object = 0; key.object < BH_VOLUMES_OF_A_CALL; key.object++) {
    struct bh_pending_change* pending = bpf_map_lookup_elem(&pending_changes, &key);
    if (!pending) break;
    if (pending->inode == inode) return 0;
  }
  bh_begin_change(&key, &change);
  return 0;
}

/* What was taken into the scratch. */
static __noinline int bh_tell_end(__s64 result) {
  struct bh_scratch* target = bh_this_cpu_scratch();
  if (!target) return 0;
  struct bh_pending_change* pending = (struct bh_pending_change*)target->bytes;
  struct inode* inode = pending->inode;
  struct dentry* moved = bh_moved_alias(pending->aliases);
  switch (pending->detail) {
    case BH_CALL_RENAME:
      if (moved) bh_add_other_path(target, moved);
      bh_tell_change(target, moved || result < 0 ? BH_CHANGE_RENAMED : BH_CHANGE_REPLACED, result, 0);
      break;
    case BH_CALL_UNTOLD_RENAME:
      bh_tell_change(target, BPF_CORE_READ(inode, i_nlink) ? BH_CHANGE_RENAMED : BH_CHANGE_REPLACED, result, 0);
      break;
    case BH_CALL_UNLINK:
      bh_tell_change(target, BH_CHANGE_UNLINKED, result, 0);
      break;
    case BH_CALL_LINK:
      bh_add_other_path(target, bh_first_alias(inode));
      bh_tell_change(target, BH_CHANGE_LINKED, result, 0);
      break;
    case BH_CALL_TRUNCATE:
      bh_tell_change(target, BH_CHANGE_TRUNCATED, result, BPF_CORE_READ(inode, i_size));
      break;
    default:
      bh_tell_change(target, BH_CHANGE_PERMISSIONS, result, 0);
  }
  return 0;
}

static __always_inline void bh_end_call(__u64 identity, __s64 result) {
  struct bh_change_key key = {.call = identity};
  for (key.object = 0; key.object < BH_VOLUMES_OF_A_CALL; key.object++) {
    if (!bh_take_change(&key)) return;
    bh_tell_end(result);
  }
}

static __always_inline int bh_touched(struct inode* inode) {
  struct bh_current_call call = bh_find_call();
  if (call.kind == BH_CALL_OTHER || !bh_first_alias(inode)) return 0; /* without a name it is just being read in */
  if (call.kind == BH_CALL_OPEN) return bh_tell_once(inode, 0, BH_CHANGE_TRUNCATED);
  if (call.kind == BH_CALL_REFLINK_RANGE) return bh_tell_once(inode, 0, BH_CHANGE_CLONED_OVER);
  if (call.kind == BH_CALL_REFLINK) {
    struct file* source = bh_current_file((__u32)call.registers->dx);
    struct inode* source_inode = source ? BPF_CORE_READ(source, f_inode) : 0;
    bh_tell_once(inode, source_inode, BH_CHANGE_CLONED_OVER);
    return source_inode ? bh_tell_once(source_inode, inode, BH_CHANGE_CLONED) : 0;
  }
  if (call.untold && call.kind == BH_CALL_RENAME) call.kind = BH_CALL_UNTOLD_RENAME;
  bh_begin_call(call.identity, inode, call.kind);
  if (call.untold) bh_end_call(call.identity, 0);
  return 0;
}

#endif
