/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Records of the probes in ebpf/probes/host, and what their sweeps yield. */
#ifndef BULKHEAD_EBPF_RECORDS_HOST_H
#define BULKHEAD_EBPF_RECORDS_HOST_H

#include "ebpf/records/header.h"

/* Same numbers as bulkhead.v1.HoldingKind. */
enum bh_holding_kind {
  BH_HOLDING_DESCRIPTOR = 1,
  BH_HOLDING_MAPPING = 2,
};

/* Those of bulkhead.v1.ObjectKind that can be held. */
enum bh_held {
  BH_HELD_GUEST_MEMORY = 1,
  BH_HELD_VOLUME = 2,
  BH_HELD_HOST_MEMORY = 9,
  BH_HELD_VIRTUAL_MACHINE = 12,
};

/* Found by a sweep. path_length bytes of path components follow, deepest first, each ended by NUL. */
struct bh_holding_record {
  struct bh_header header;
  struct bh_file_key file;
  __u64 target_start_ns; /* of the VMM whose /proc/<pid>/mem it is; 0 for all else */
  __u64 mapped_bytes;    /* of the mapping that was found, the lowest of the object's */
  __u32 target_tgid;
  __u32 kind; /* enum bh_holding_kind */
  __u32 held; /* enum bh_held */
  __u32 descriptor;
  __u32 open_flags;
  __u16 writable; /* a shared mapping that may be written */
  __u16 path_length;
};
BH_STATIC_ASSERT(sizeof(struct bh_holding_record) == 128, "bh_holding_record");

/* ---- what a sweep over the VMMs' own mappings yields, read from the iterator and not from a ring ---- */

/* A VMM has this object mapped as only guest memory is. path_length bytes of path components follow, as in records. */
struct bh_memory_claim {
  struct bh_file_key file;
  struct bh_owner owner;
  __u64 vmm_start_ns;
  __u64 bytes;
  __u32 vmm_tgid;
  __u16 size; /* of the whole claim with its tail */
  __u16 path_length;
};
BH_STATIC_ASSERT(sizeof(struct bh_memory_claim) == 56, "bh_memory_claim");

#endif
