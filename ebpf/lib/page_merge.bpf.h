/* SPDX-License-Identifier: GPL-2.0 */
/*
 * MEM-07: KSM makes pages of two tenants' VMMs one. Whoever shares a page can tell by its write's time that another has
 * the same contents.
 */
#ifndef BULKHEAD_EBPF_LIB_PAGE_MERGE_BPF_H
#define BULKHEAD_EBPF_LIB_PAGE_MERGE_BPF_H

#include "ebpf/lib/emit.bpf.h"

#define BH_MERGE_REPORT_INTERVAL_NS 1000000000ULL

/* The process that had a merged page first, by whatever the hook has to tell pages apart. */
struct bh_holder {
  __u64 start_ns;
  __u32 tgid;
  __u32 padding;
  struct bh_owner owner;
};

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 65536);
  __type(key, __u64);
  __type(value, struct bh_holder);
} holders SEC(".maps");

struct bh_pair {
  __u32 actor_tgid;
  __u32 holder_tgid;
};

struct bh_pair_state {
  __u64 reported_ns;
  __u64 pages; /* not told in a record yet */
};

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 16384);
  __type(key, struct bh_pair);
  __type(value, struct bh_pair_state);
} pairs SEC(".maps");

/* Pages that are to be told now; 0 when they go with a later record of the pair. */
static __always_inline __u64 bh_pages_due(const struct bh_pair* pair, __u64 now) {
  struct bh_pair_state* state = bpf_map_lookup_elem(&pairs, pair);
  if (!state) {
    struct bh_pair_state first = {.reported_ns = now};
    bpf_map_update_elem(&pairs, pair, &first, BPF_ANY);
    return 1;
  }
  if (now - state->reported_ns < BH_MERGE_REPORT_INTERVAL_NS) {
    __sync_fetch_and_add(&state->pages, 1);
    return 0;
  }
  state->reported_ns = now;
  return 1 + __sync_lock_test_and_set(&state->pages, 0);
}

static __always_inline void bh_tell_merge(struct task_struct* task, struct bh_owner actor,
                                          const struct bh_holder* holder) {
  struct bh_pair pair = {.actor_tgid = BPF_CORE_READ(task, tgid), .holder_tgid = holder->tgid};
  __u64 pages = bh_pages_due(&pair, bpf_ktime_get_boot_ns());
  if (!pages) {
    BH_COUNT(BH_PROBE_MEMORY_KSM, coalesced);
    return;
  }
  bh_announce_actor(task);
  struct bh_merge_record record = {.pages = pages, .target_start_ns = holder->start_ns, .target_tgid = holder->tgid};
  bh_fill_actor(&record.header, task);
  record.header.actor = actor;
  record.header.object = holder->owner;
  bh_submit(&record.header, BH_PROBE_MEMORY_KSM, BH_RECORD_MERGE, sizeof(record));
}

/*
 * A page of `task`, the owner of an address space, became one with the merged page `key`. With `is_new` the merged page
 * is a merged one only by this: then who had that key before is over.
 */
static __always_inline void bh_page_merged(struct task_struct* task, __u64 key, bool is_new) {
  if (!task) return;
  struct bh_vmm* vmm = bh_vmm_of(task);
  struct bh_holder* holder = is_new ? 0 : bpf_map_lookup_elem(&holders, &key);
  if (!holder) {
    struct bh_holder first = {};
    if (vmm) {
      first.start_ns = vmm->start_ns;
      first.tgid = BPF_CORE_READ(task, tgid);
      first.owner = vmm->owner;
    }
    /* Also for a process that is no VMM: the key's last holder is not this one. */
    bpf_map_update_elem(&holders, &key, &first, BPF_ANY);
    return;
  }
  if (!vmm || !holder->tgid) return;
  BH_COUNT(BH_PROBE_MEMORY_KSM, seen);
  if (bh_same_tenant(vmm->owner, holder->owner)) {
    BH_COUNT(BH_PROBE_MEMORY_KSM, suppressed);
    return;
  }
  bh_tell_merge(task, vmm->owner, holder);
}

#endif
