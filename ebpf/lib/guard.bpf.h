/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The agent itself: SENS-01. What others do to its process is told as an access to an object of BH_OWNER_AGENT. What it
 * does to itself, and to the objects that it put into the maps for that, is a canary: proof that the hook, the map and
 * this CPU's ring still work. A canary counts for BH_PROBE_AGENT_GUARD and for no other probe.
 */
#ifndef BULKHEAD_EBPF_LIB_GUARD_BPF_H
#define BULKHEAD_EBPF_LIB_GUARD_BPF_H

#include "ebpf/lib/emit.bpf.h"

static __always_inline bool bh_is_agent(struct task_struct* task) {
  __u32 first = 0;
  struct bh_guarded* agent = bpf_map_lookup_elem(&guarded, &first);
  return agent && agent->tgid && (__u32)BPF_CORE_READ(task, tgid) == agent->tgid &&
         bh_start_ns(task) == agent->start_ns;
}

/* A function of its own, for its stack: those that call it have used up theirs. */
static __noinline int bh_tell_canary(__u32 hook_probe, struct task_struct* task, __u32 act) {
  struct bh_canary_record record = {.hook_probe = hook_probe, .act = act, .cpu = bpf_get_smp_processor_id()};
  bh_fill_actor(&record.header, task);
  record.header.object.tenant = BH_OWNER_AGENT;
  BH_COUNT(BH_PROBE_AGENT_GUARD, seen);
  bh_submit(&record.header, BH_PROBE_AGENT_GUARD, BH_RECORD_CANARY, sizeof(record));
  return 0;
}

/*
 * True when an object is the agent's canary, and the matter is done with. Others may touch one by chance, such as a
 * backup of the state directory: that is nothing.
 */
static __always_inline bool bh_was_canary(__u32 hook_probe, struct task_struct* task, struct bh_owner object,
                                          __u32 act) {
  if (object.tenant != BH_OWNER_AGENT) return false;
  if (bh_is_agent(task)) bh_tell_canary(hook_probe, task, act);
  return true;
}

#endif
