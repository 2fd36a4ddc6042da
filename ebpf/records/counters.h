/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* What each probe counts. */
#ifndef BULKHEAD_EBPF_RECORDS_COUNTERS_H
#define BULKHEAD_EBPF_RECORDS_COUNTERS_H

#include "ebpf/records/layout.h"

/* One per probe and CPU. seen = suppressed + coalesced + emitted + lost. */
struct bh_counters {
  __u64 seen;
  __u64 suppressed;
  __u64 coalesced;
  __u64 emitted;
  __u64 lost;
};

#endif
