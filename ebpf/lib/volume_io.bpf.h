/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How much is read from and written to volumes, added up by who does it. The first act of a pair is told at once; what
 * follows is told by bh_tell_volume_io(), which the agent runs every second, also when the process has ended by then.
 * Nothing that was added up is forgotten untold: acts are counted as seen when they are told, as lost when there is no
 * room to add them up, and as suppressed at once when they are the owner's.
 */
#ifndef BULKHEAD_EBPF_LIB_VOLUME_IO_BPF_H
#define BULKHEAD_EBPF_LIB_VOLUME_IO_BPF_H

#include "ebpf/lib/emit.bpf.h"

/* One run of an executable, or a cgroup of which kernel threads write; and a volume. */
struct bh_io_key {
  __u64 start_ns; /* number of the cgroup's node when `tgid` is 0 */
  struct bh_file_key file;
  struct bh_owner actor;
  struct bh_owner object;
  __u32 tgid;
  __u32 exec_id;
  __u32 after_detach;
  __u32 padding;
};

#define BH_PAIR_ACTIVE 0
#define BH_PAIR_IDLE 1
#define BH_PAIR_GONE 2

struct bh_io_pair {
  struct bh_header header;
  struct bh_io_amounts amounts; /* not told yet */
  __u64 acts;                   /* that these are of */
  __u64 told_ns;
  __u64 state; /* BH_PAIR_* */
};

#define BH_IO_INTERVAL_NS 1000000000ULL
/* A pair that moved nothing for so long is forgotten: its next act is told at once, as a first one. */
#define BH_IO_REMEMBERED_NS 60000000000ULL

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16384);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct bh_io_key);
  __type(value, struct bh_io_pair);
} io_pairs SEC(".maps");

/* Who adds up: the same for all pairs of a BPF object. */
struct bh_io_source {
  __u32 probe;
  __u32 layer; /* enum bh_volume_io_layer */
};

/* One record tells of all of them. */
static __always_inline void bh_count_told(__u32 probe, __u64 acts) {
  struct bh_counters* counted = bh_counters_of(probe);
  if (!counted) return;
  __sync_fetch_and_add(&counted->seen, acts);
  __sync_fetch_and_add(&counted->coalesced, acts - 1);
  __sync_fetch_and_add(&counted->emitted, 1);
}

static __always_inline void bh_suppress(__u32 probe) {
  BH_COUNT(probe, seen);
  BH_COUNT(probe, suppressed);
}

static __always_inline void bh_lose(__u32 probe) {
  BH_COUNT(probe, seen);
  BH_COUNT(probe, lost);
}

static __always_inline void bh_add_amounts(struct bh_io_amounts* sum, const struct bh_io_amounts* more) {
  if (more->bytes_read) __sync_fetch_and_add(&sum->bytes_read, more->bytes_read);
  if (more->bytes_written) __sync_fetch_and_add(&sum->bytes_written, more->bytes_written);
  if (more->bytes_discarded) __sync_fetch_and_add(&sum->bytes_discarded, more->bytes_discarded);
  if (more->bytes_mapped) __sync_fetch_and_add(&sum->bytes_mapped, more->bytes_mapped);
  if (more->reads) __sync_fetch_and_add(&sum->reads, more->reads);
  if (more->writes) __sync_fetch_and_add(&sum->writes, more->writes);
}

static __always_inline void bh_take_amounts(struct bh_io_amounts* sum, struct bh_io_amounts* taken) {
  taken->reads = __sync_lock_test_and_set(&sum->reads, 0);
  taken->writes = __sync_lock_test_and_set(&sum->writes, 0);
  taken->bytes_read = __sync_lock_test_and_set(&sum->bytes_read, 0);
  taken->bytes_written = __sync_lock_test_and_set(&sum->bytes_written, 0);
  taken->bytes_discarded = __sync_lock_test_and_set(&sum->bytes_discarded, 0);
  taken->bytes_mapped = __sync_lock_test_and_set(&sum->bytes_mapped, 0);
}

/* What is not in the ring stays added up, for the next second. */
static __always_inline void bh_tell_pair(const struct bh_io_source* source, const struct bh_io_key* key,
                                         struct bh_io_pair* pair, __u64 now) {
  struct bh_volume_io_record record = {.header = pair->header, .file = key->file, .layer = source->layer};
  __u64 acts = __sync_lock_test_and_set(&pair->acts, 0);
  if (!acts) return;
  bh_take_amounts(&pair->amounts, &record.amounts);
  record.window_ns = now - pair->told_ns;
  record.header.time_ns = now;
  if (!key->tgid) record.flags = BH_VOLUME_IO_WRITEBACK;
  bh_stamp(&record.header, source->probe, BH_RECORD_VOLUME_IO, sizeof(record));
  if (!bh_output(&record, sizeof(record))) {
    bh_add_amounts(&pair->amounts, &record.amounts);
    __sync_fetch_and_add(&pair->acts, acts);
    return;
  }
  bh_count_told(source->probe, acts);
  pair->told_ns = now;
}

static long bh_look_at_pair(void* map, struct bh_io_key* key, struct bh_io_pair* pair, struct bh_io_source* source) {
  __u64 now = bpf_ktime_get_boot_ns();
  if (pair->acts) {
    if (now - pair->told_ns >= BH_IO_INTERVAL_NS) bh_tell_pair(source, key, pair, now);
  } else if (pair->state == BH_PAIR_IDLE) {
    /* A second ago it was idle: no program that has found it since then runs any more without having said so. */
    if (__sync_val_compare_and_swap(&pair->state, BH_PAIR_IDLE, BH_PAIR_GONE) == BH_PAIR_IDLE)
      bpf_map_delete_elem(map, key);
  } else if (now - pair->told_ns > BH_IO_REMEMBERED_NS) {
    __sync_val_compare_and_swap(&pair->state, BH_PAIR_ACTIVE, BH_PAIR_IDLE);
  }
  return 0;
}

static __always_inline void bh_tell_volume_io(struct bh_io_source source) {
  bpf_for_each_map_elem(&io_pairs, bh_look_at_pair, &source, 0);
}

/* The pair, awake; null when it is not there. */
static __always_inline struct bh_io_pair* bh_find_pair(const struct bh_io_key* key) {
  struct bh_io_pair* pair = bpf_map_lookup_elem(&io_pairs, key);
  if (!pair || pair->state == BH_PAIR_ACTIVE) return pair;
  return __sync_val_compare_and_swap(&pair->state, BH_PAIR_IDLE, BH_PAIR_ACTIVE) == BH_PAIR_GONE ? 0 : pair;
}

/* Who acts, for a pair that is new. `task` is null for a cgroup. */
static __always_inline void bh_fill_io_header(struct bh_header* header, const struct bh_io_key* key,
                                              struct task_struct* task) {
  if (task) {
    bh_fill_actor(header, task);
    if (key->actor.tenant == BH_OWNER_HOST && bh_is_trusted(task, BH_MAY_OPEN_VOLUMES)) header->flags = BH_FLAG_TRUSTED;
  } else {
    header->actor_start_ns = key->start_ns;
    header->actor_login_uid = 0xffffffff;
  }
  if (key->after_detach) header->flags |= BH_FLAG_AFTER_DETACH;
  header->actor = key->actor;
  header->object = key->object;
}

/* The amounts come first, so that what is told of is at least what is counted. */
static __always_inline void bh_add_to_pair(struct bh_io_pair* pair, const struct bh_io_amounts* amounts) {
  bh_add_amounts(&pair->amounts, amounts);
  __sync_fetch_and_add(&pair->acts, 1);
}

/* The actor was announced. Built in the scratch: a record and a pair are too much for the stack. */
static __noinline int bh_add_first_io(const struct bh_io_source* source, const struct bh_io_key* key,
                                      const struct bh_io_amounts* amounts, struct task_struct* task) {
  struct bh_scratch* scratch = bh_this_cpu_scratch();
  if (!scratch) return 0;
  struct bh_io_pair* fresh = (struct bh_io_pair*)scratch->bytes;
  __builtin_memset(fresh, 0, sizeof(*fresh));
  bh_fill_io_header(&fresh->header, key, task);
  fresh->told_ns = bpf_ktime_get_boot_ns();
  bpf_map_update_elem(&io_pairs, key, fresh, BPF_NOEXIST);
  struct bh_io_pair* pair = bh_find_pair(key);
  if (!pair) { /* the map is full */
    bh_lose(source->probe);
    return 0;
  }
  bh_add_to_pair(pair, amounts);
  bh_tell_pair(source, key, pair, bpf_ktime_get_boot_ns());
  return 0;
}

/* What `key->actor` did to `key->object`, which is not its own. `task` is null for a cgroup. */
static __always_inline void bh_add_io(const struct bh_io_source* source, struct bh_io_key* key,
                                      const struct bh_io_amounts* amounts, struct task_struct* task) {
  if (task) {
    key->start_ns = bh_start_ns(task);
    key->tgid = BPF_CORE_READ(task, tgid);
    key->exec_id = (__u32)BPF_CORE_READ(task, self_exec_id);
  }
  struct bh_io_pair* pair = bh_find_pair(key);
  if (pair) {
    bh_add_to_pair(pair, amounts);
    return;
  }
  if (task) bh_announce_actor(task);
  bh_add_first_io(source, key, amounts, task);
}

#endif
