/* SPDX-License-Identifier: GPL-2.0 */
/* Cgroups of the block controller: of a task, and of a bio that a kernel thread submits for one. */
#ifndef BULKHEAD_EBPF_LIB_BLOCK_CGROUP_BPF_H
#define BULKHEAD_EBPF_LIB_BLOCK_CGROUP_BPF_H

#include "ebpf/lib/bulkhead.bpf.h"

/* The controller's state that the task's I/O is accounted to; null without CONFIG_BLK_CGROUP. */
static __always_inline struct cgroup_subsys_state* bh_block_state_of(struct task_struct* task) {
  struct cgroup_subsys_state* state = 0;
  if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, io_cgrp_id)) return 0;
  struct css_set* set = BPF_CORE_READ(task, cgroups);
  __u64 place = bpf_core_field_offset(struct css_set, subsys) +
                bpf_core_enum_value(enum cgroup_subsys_id, io_cgrp_id) * sizeof(void*);
  bpf_probe_read_kernel(&state, sizeof(state), (char*)set + place);
  return state;
}

/* That of a bio (bi_blkg: 4.18, 08e18eab0c57). */
static __always_inline struct cgroup_subsys_state* bh_block_state_of_bio(struct bio* bio) {
  if (!bpf_core_field_exists(bio->bi_blkg)) return 0;
  struct blkcg_gq* group = BPF_CORE_READ(bio, bi_blkg);
  struct blkcg* blkcg = group ? BPF_CORE_READ(group, blkcg) : 0;
  return blkcg ? (void*)((char*)blkcg + bpf_core_field_offset(struct blkcg, css)) : 0;
}

static __always_inline bool bh_is_root_state(struct cgroup_subsys_state* state) {
  return !state || !BPF_CORE_READ(state, parent);
}

static __always_inline struct kernfs_node* bh_cgroup_node(struct cgroup_subsys_state* state) {
  return BPF_CORE_READ(state, cgroup, kn);
}

#endif
