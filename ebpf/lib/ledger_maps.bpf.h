/* SPDX-License-Identifier: GPL-2.0 */
/* The maps of ledgers, which the agent makes and reads (agent/probes/ledger_maps.cc). */
#ifndef BULKHEAD_EBPF_LIB_LEDGER_MAPS_BPF_H
#define BULKHEAD_EBPF_LIB_LEDGER_MAPS_BPF_H

#include "ebpf/lib/bulkhead.bpf.h"

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, BH_LEDGER_LIMIT);
  __type(key, __u32);
  __type(value, struct bh_ledger);
} ledgers SEC(".maps");

/* One for each ledger, of its own length, mapped by the agent. */
struct bh_ledger_words {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __uint(map_flags, BPF_F_INNER_MAP | BPF_F_MMAPABLE);
  __uint(key_size, sizeof(__u32));
  __uint(value_size, sizeof(struct bh_ledger_word));
};

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, BH_LEDGER_LIMIT);
  __type(key, __u32);
  __array(values, struct bh_ledger_words);
} ledger_words SEC(".maps");

#endif
