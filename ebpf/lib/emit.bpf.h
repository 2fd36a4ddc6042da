/* SPDX-License-Identifier: GPL-2.0 */
/* Putting records into the ring of this CPU. For programs that run in a process's context only. */
#ifndef BULKHEAD_EBPF_LIB_EMIT_BPF_H
#define BULKHEAD_EBPF_LIB_EMIT_BPF_H

#include "ebpf/lib/count.bpf.h"
#include "ebpf/lib/label.bpf.h"
#include "ebpf/lib/owner.bpf.h"

static __always_inline void* bh_this_cpu_ring(void) {
  __u32 cpu = bpf_get_smp_processor_id();
  return bpf_map_lookup_elem(&rings, &cpu);
}

static __always_inline bool bh_output(void* record, __u64 size) {
  void* ring = bh_this_cpu_ring();
  return ring && bpf_ringbuf_output(ring, record, size, 0) == 0;
}

/* Fills all of the header but kind, size and probe's own members; the caller zeroed the record. */
static __always_inline void bh_fill_actor(struct bh_header* header, struct task_struct* task) {
  header->time_ns = bpf_ktime_get_boot_ns();
  header->actor_start_ns = bh_start_ns(task);
  header->actor_tgid = BPF_CORE_READ(task, tgid);
  header->actor_tid = BPF_CORE_READ(task, pid);
  header->actor_exec_id = (__u32)BPF_CORE_READ(task, self_exec_id);
  header->actor_uid = BPF_CORE_READ(task, cred, uid.val);
  header->actor_login_uid = 0xffffffff;
  if (bpf_core_field_exists(task->loginuid)) header->actor_login_uid = BPF_CORE_READ(task, loginuid.val);
}

static __always_inline void bh_fill_lineage(struct bh_process* lineage, struct task_struct* task) {
  for (int depth = 0; depth < BH_LINEAGE_LENGTH; depth++) {
    task = BPF_CORE_READ(task, real_parent);
    __u32 tgid = BPF_CORE_READ(task, tgid);
    if (!tgid) break;
    lineage[depth].tgid = tgid;
    lineage[depth].start_ns = bh_start_ns(task);
    BPF_CORE_READ_STR_INTO(&lineage[depth].command, task, group_leader, comm);
  }
}

/* A record with a tail, in this CPU's scratch, goes out with the length that its labels took. */
static __always_inline bool bh_output_scratch(struct bh_scratch* record, __u64 size) {
  barrier_var(size); /* so that the register that was checked is the one that the verifier sees passed */
  return size <= BH_SCRATCH_SIZE && bh_output(record, size);
}

/* The actor record comes before the first record of each executable's run; failing, it is tried again at the next. */
static __noinline int bh_announce_actor(struct task_struct* task) {
  struct bh_actor_key key = {.start_ns = bh_start_ns(task),
                             .tgid = BPF_CORE_READ(task, tgid),
                             .exec_id = (__u32)BPF_CORE_READ(task, self_exec_id)};
  __u32 announced = 1;
  if (bpf_map_lookup_elem(&announced_actors, &key)) return 0;
  struct bh_scratch* target = bh_this_cpu_scratch();
  if (!target) return 0;

  struct bh_actor_record* record = (struct bh_actor_record*)target->bytes;
  __builtin_memset(record, 0, sizeof(*record));
  bh_fill_actor(&record->header, task);
  record->header.kind = BH_RECORD_ACTOR;
  BPF_CORE_READ_STR_INTO(&record->command, task, group_leader, comm);
  bh_fill_lineage(record->lineage, task);

  __u32 path_length = 0;
  __u16 flags = 0;
  struct file* executable = BPF_CORE_READ(task, mm, exe_file);
  if (executable) {
    bh_file_key_of(BPF_CORE_READ(executable, f_inode), &record->executable);
    path_length = bh_write_path(executable, sizeof(*record), &flags);
  }
  __u32 cgroup_length = bh_write_cgroup(task, sizeof(*record) + path_length);
  __u32 size = sizeof(*record) + path_length + cgroup_length;
  record->path_length = path_length;
  record->cgroup_length = cgroup_length;
  record->header.flags = flags;
  record->header.size = size;
  if (bh_output_scratch(target, size)) bpf_map_update_elem(&announced_actors, &key, &announced, BPF_ANY);
  return 0;
}

static __always_inline void bh_stamp(struct bh_header* header, __u32 probe, __u32 kind, __u32 size) {
  header->probe = probe;
  header->kind = kind;
  header->size = size;
}

/* Ends the way of every record but the actor's: it is in the ring, or counted as lost. */
static __always_inline void bh_count_output(__u32 probe, bool done) {
  if (done)
    BH_COUNT(probe, emitted);
  else
    BH_COUNT(probe, lost);
}

static __always_inline void bh_submit(struct bh_header* header, __u32 probe, __u32 kind, __u32 size) {
  bh_stamp(header, probe, kind, size);
  bh_count_output(probe, bh_output(header, size));
}

#endif
