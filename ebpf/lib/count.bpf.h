/* SPDX-License-Identifier: GPL-2.0 */
/* Counters by probe: seen = suppressed + coalesced + emitted + lost, exactly. */
#ifndef BULKHEAD_EBPF_LIB_COUNT_BPF_H
#define BULKHEAD_EBPF_LIB_COUNT_BPF_H

#include "ebpf/lib/maps.bpf.h"

static __always_inline struct bh_counters* bh_counters_of(__u32 probe) {
  return bpf_map_lookup_elem(&counters, &probe);
}

/* A program may be interrupted by one at another hook of the same probe on the same CPU, so these are atomic. */
#define BH_COUNT(probe, member)                                     \
  do {                                                              \
    struct bh_counters* bh_counted_ = bh_counters_of(probe);        \
    if (bh_counted_) __sync_fetch_and_add(&bh_counted_->member, 1); \
  } while (0)

#endif
