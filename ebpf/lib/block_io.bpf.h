/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Block I/O on volumes, judged when a bio is queued (DISK-04). Who submits it is the current task; but a kernel thread
 * submits for others, and says for whom by the bio's cgroup, and whoever flushes a device's page cache writes what
 * others have put there.
 */
#ifndef BULKHEAD_EBPF_LIB_BLOCK_IO_BPF_H
#define BULKHEAD_EBPF_LIB_BLOCK_IO_BPF_H

#include "ebpf/lib/bio.bpf.h"
#include "ebpf/lib/block_cgroup.bpf.h"
#include "ebpf/lib/guard.bpf.h"
#include "ebpf/lib/volume_io.bpf.h"
#include "ebpf/lib/volume_use.bpf.h"

#define BH_PAGE_MAPPING_FLAGS 3ul /* linux/page-flags.h: the pointer is none of an address_space */

static const struct bh_io_source bh_block_io = {.probe = BH_PROBE_DISK_BLOCK_IO, .layer = BH_VOLUME_IO_BLOCK};

/* False for what moves nothing: a flush, an operation on zones. */
static __always_inline bool bh_amounts_of(struct bio* bio, struct bh_io_amounts* amounts) {
  __u32 size = bio->bi_iter.bi_size;
  if (!size) return false;
  switch (bio->bi_opf & BH_REQ_OP_MASK) {
    case BH_REQ_OP_READ:
      amounts->reads = 1;
      amounts->bytes_read = size;
      return true;
    case BH_REQ_OP_WRITE:
      amounts->writes = 1;
      amounts->bytes_written = size;
      return true;
    case BH_REQ_OP_DISCARD:
    case BH_REQ_OP_SECURE_ERASE:
    case BH_REQ_OP_WRITE_ZEROES:
      amounts->writes = 1;
      amounts->bytes_discarded = size;
      return true;
  }
  return false;
}

/* Does the bio's data lie in the page cache of a block device, which this one is then? */
static __always_inline bool bh_is_cached(struct bio* bio) {
  struct page* page = BPF_CORE_READ(bio, bi_io_vec, bv_page);
  if (!page) return false;
  unsigned long head = BPF_CORE_READ(page, compound_head);
  if (head & 1) page = (struct page*)(head - 1);
  unsigned long mapping = (unsigned long)BPF_CORE_READ(page, mapping);
  if (!mapping || (mapping & BH_PAGE_MAPPING_FLAGS)) return false;
  return (BPF_CORE_READ((struct address_space*)mapping, host, i_mode) & BH_S_IFMT) == BH_S_IFBLK;
}

/* As bh_announce_actor(), for a cgroup: a record of no process. */
static __noinline int bh_announce_cgroup(struct task_struct* task, struct kernfs_node* node) {
  struct bh_actor_key key = {.start_ns = BPF_CORE_READ(node, id)};
  __u32 announced = 1;
  if (bpf_map_lookup_elem(&announced_actors, &key)) return 0;
  struct bh_scratch* target = bh_this_cpu_scratch();
  if (!target) return 0;
  struct bh_actor_record* record = (struct bh_actor_record*)target->bytes;
  __builtin_memset(record, 0, sizeof(*record));
  record->header.time_ns = bpf_ktime_get_boot_ns();
  record->header.actor_start_ns = key.start_ns;
  record->header.kind = BH_RECORD_ACTOR;
  BPF_CORE_READ_STR_INTO(&record->command, task, comm);
  __u32 cgroup_length = bh_write_cgroup_of(node, sizeof(*record));
  record->cgroup_length = cgroup_length;
  record->header.size = sizeof(*record) + cgroup_length;
  if (bh_output_scratch(target, sizeof(*record) + cgroup_length))
    bpf_map_update_elem(&announced_actors, &key, &announced, BPF_ANY);
  return 0;
}

/* True when it is to be added up as the cgroup's; what is done for the root cgroup is counted alone. */
static __always_inline bool bh_is_foreign_cgroup(struct bio* bio, const struct bh_volume* volume, struct bh_io_key* key,
                                                 bool writes) {
  struct cgroup_subsys_state* state = bh_block_state_of_bio(bio);
  enum bh_use use = BH_USE_OWN;
  if (!bh_is_root_state(state)) {
    key->start_ns = BPF_CORE_READ(bh_cgroup_node(state), id);
    struct bh_owner* owner = bpf_map_lookup_elem(&cgroup_owners, &key->start_ns);
    if (owner) key->actor = *owner;
    /* VMMs of several tenants are in there: nobody can tell whose it is. */
    if (key->actor.tenant != BH_OWNER_CONTESTED) use = bh_use_of(&key->file, volume, key->actor, writes);
  }
  if (use == BH_USE_NOBODYS) return false;
  if (use == BH_USE_OWN) {
    bh_suppress(BH_PROBE_DISK_BLOCK_IO);
    return false;
  }
  key->object = bh_object_of(use, volume, key->actor);
  key->after_detach = use == BH_USE_AFTER_DETACH;
  bh_announce_cgroup((struct task_struct*)bpf_get_current_task(), bh_cgroup_node(state));
  return true;
}

/* `volume` is the entry of the device, whose key is in `key->file`. The bio has its type from the kernel. */
static __always_inline void bh_judge_bio(struct bio* bio, const struct bh_volume* volume, struct bh_io_key* key) {
  struct bh_io_amounts amounts = {};
  if (!bh_amounts_of(bio, &amounts)) return;
  bool writes = amounts.writes != 0;
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  key->actor = bh_actor_owner(task);
  enum bh_use use = bh_use_of(&key->file, volume, key->actor, writes);
  if (use == BH_USE_NOBODYS) return;
  if (use == BH_USE_OWN || (!writes && bh_is_agent(task))) {
    bh_suppress(BH_PROBE_DISK_BLOCK_IO);
    return;
  }
  if ((BPF_CORE_READ(task, flags) & BH_PF_KTHREAD) && !BPF_CORE_READ(task, mm)) {
    if (bh_is_foreign_cgroup(bio, volume, key, writes)) bh_add_io(&bh_block_io, key, &amounts, 0);
    return;
  }
  /* Who wrote into the cache is told at the file. */
  if (amounts.bytes_written && bh_is_cached(bio)) {
    bh_suppress(BH_PROBE_DISK_BLOCK_IO);
    return;
  }
  key->object = bh_object_of(use, volume, key->actor);
  key->after_detach = use == BH_USE_AFTER_DETACH;
  bh_add_io(&bh_block_io, key, &amounts, task);
}

#endif
