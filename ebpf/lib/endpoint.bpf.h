/* SPDX-License-Identifier: GPL-2.0 */
/* A domain's monitor, guest agent channel, console or display was reached from the host: CTRL-02, CTRL-03. */
#ifndef BULKHEAD_EBPF_LIB_ENDPOINT_BPF_H
#define BULKHEAD_EBPF_LIB_ENDPOINT_BPF_H

#include "ebpf/lib/guard.bpf.h"

/* False for what is no domain's. */
static __always_inline bool bh_judge_endpoint(__u32 probe, struct task_struct* task, struct bh_endpoint_key* key,
                                              __u32 method, __s64 result) {
  struct bh_endpoint* endpoint = bpf_map_lookup_elem(&endpoints, key);
  if (!endpoint) return false;
  if (bh_was_canary(probe, task, endpoint->owner, BH_CANARY_ENDPOINT | method)) return true;
  BH_COUNT(probe, seen);
  struct bh_owner actor = bh_actor_owner(task);
  if (bh_same_tenant(actor, endpoint->owner)) {
    BH_COUNT(probe, suppressed);
    return true;
  }
  bh_announce_actor(task);
  struct bh_endpoint_record record = {};
  bh_fill_actor(&record.header, task);
  record.header.actor = actor;
  record.header.object = endpoint->owner;
  if (actor.tenant == BH_OWNER_HOST && bh_is_trusted(task, BH_MAY_CONTROL_DOMAINS))
    record.header.flags |= BH_FLAG_TRUSTED;
  record.endpoint = *key;
  record.result = result;
  record.kind = endpoint->kind;
  record.method = method;
  bh_submit(&record.header, probe, BH_RECORD_ENDPOINT, sizeof(record));
  return true;
}

#endif
