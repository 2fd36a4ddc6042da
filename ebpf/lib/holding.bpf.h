/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a process has already: descriptors and mappings that a sweep comes across, judged by the kernel's own object as
 * an open of it would be. Each sweep counts all that it sees; what one before has told is coalesced.
 */
#ifndef BULKHEAD_EBPF_LIB_HOLDING_BPF_H
#define BULKHEAD_EBPF_LIB_HOLDING_BPF_H

#include "ebpf/lib/emit.bpf.h"
#include "ebpf/lib/proc_mem.bpf.h"

/* One run of an executable, and one object that it holds in one way. */
struct bh_told_key {
  __u64 start_ns;
  struct bh_file_key file; /* mixed with the VMM's start and number where it is a VMM's memory */
  __u32 tgid;
  __u32 exec_id;
  __u32 kind;
  __u32 held;
};

struct bh_told {
  __u32 sweep; /* the last that saw it */
  __u32 writes;
};

/* A process that holds more than fits is told of again; it cannot make others be forgotten for good. */
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 16384);
  __type(key, struct bh_told_key);
  __type(value, struct bh_told);
} told_holdings SEC(".maps");

static __always_inline bool bh_writes(const struct bh_holding_record* found) {
  return found->kind == BH_HOLDING_MAPPING ? found->writable : (found->open_flags & 3) != 0; /* O_ACCMODE */
}

/*
 * True for what was told and has been there at every sweep since. What went and came back is told again, and so is what
 * turns out to be writable after it was told as readable.
 */
static __always_inline bool bh_is_told(const struct bh_told_key* key, __u32 sweep, bool writes) {
  struct bh_told* told = bpf_map_lookup_elem(&told_holdings, key);
  if (!told) return false;
  bool known = told->sweep + 1 >= sweep && told->writes >= writes;
  told->sweep = sweep;
  return known;
}

static __always_inline bool bh_emit_holding(__u32 probe, struct task_struct* task, struct file* file,
                                            const struct bh_holding_record* found, __u32 permission) {
  bh_announce_actor(task);
  struct bh_scratch* target = bh_this_cpu_scratch();
  if (!target) return false;
  struct bh_holding_record* record = (struct bh_holding_record*)target->bytes;
  *record = *found;
  bh_fill_actor(&record->header, task);
  __u16 flags = found->header.flags;
  __u32 path_length = bh_write_path(file, sizeof(*record), &flags);
  if (found->header.actor.tenant == BH_OWNER_HOST && bh_is_trusted(task, permission)) flags |= BH_FLAG_TRUSTED;
  record->header.flags = flags;
  record->path_length = path_length;
  __u32 size = sizeof(*record) + path_length;
  bh_stamp(&record->header, probe, BH_RECORD_HOLDING, size);
  return bh_output_scratch(target, size);
}

/* `found` says what is held and how, and whose it is; the file is its label. */
static __always_inline void bh_judge_holding(__u32 probe, struct task_struct* task, struct file* file,
                                             struct bh_holding_record* found, __u32 permission, __u32 sweep) {
  BH_COUNT(probe, seen);
  found->header.actor = bh_actor_owner(task);
  /* What belongs to no tenant (all of memory, a machine of the host's, a base image that can be written) crosses by
   * being held. */
  bool of_tenant = (found->held == BH_HELD_VOLUME || found->held == BH_HELD_GUEST_MEMORY) &&
                   found->header.object.tenant != BH_OWNER_HOST;
  if (of_tenant && !(found->header.flags & BH_FLAG_AFTER_DETACH) &&
      bh_same_tenant(found->header.actor, found->header.object)) {
    BH_COUNT(probe, suppressed);
    return;
  }
  struct bh_told_key key = {.start_ns = bh_start_ns(task),
                            .file = found->file,
                            .tgid = BPF_CORE_READ(task, tgid),
                            .exec_id = (__u32)BPF_CORE_READ(task, self_exec_id),
                            .kind = found->kind,
                            .held = found->held};
  if (found->target_tgid) {
    key.file.inode ^= found->target_start_ns;
    key.file.device ^= found->target_tgid;
  }
  struct bh_told told = {.sweep = sweep, .writes = bh_writes(found)};
  if (bh_is_told(&key, sweep, told.writes)) {
    BH_COUNT(probe, coalesced);
    return;
  }
  bool done = bh_emit_holding(probe, task, file, found, permission);
  bh_count_output(probe, done);
  if (done) bpf_map_update_elem(&told_holdings, &key, &told, BPF_ANY); /* else the next sweep tries again */
}

#endif
