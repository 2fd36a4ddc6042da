/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The ledger of a block volume that changes hands (DISK-07): which parts were written, zeroed or discarded since its
 * last tenant released it. A volume is cut into granules, powers of two of at least 4 KiB, of which there are at most
 * BH_LEDGER_GRANULES: 2 MiB of bits at most for a volume of any size.
 */
#ifndef BULKHEAD_EBPF_RECORDS_LEDGER_H
#define BULKHEAD_EBPF_RECORDS_LEDGER_H

#include "ebpf/records/header.h"

#define BH_LEDGER_LIMIT 4096u /* ledgers at once; 0 is none's number */
#define BH_LEDGER_MIN_SHIFT 12u
#define BH_LEDGER_GRANULES (1ull << 23)
#define BH_LEDGER_WORD 64u

/* Bits of 64 granules, the lowest first. */
struct bh_ledger_word {
  __u64 clean;   /* all of the granule was written, zeroed or discarded since the release */
  __u64 touched; /* a part of it was */
};
BH_STATIC_ASSERT(sizeof(struct bh_ledger_word) == 16, "bh_ledger_word");

/* How a granule became clean. */
enum bh_wipe {
  BH_WIPE_WRITTEN = 0,
  BH_WIPE_ZEROED = 1,
  BH_WIPE_DISCARDED = 2,
  BH_WIPE_KINDS = 3,
};

/* Reads by its tenant of what is neither clean nor touched are told. */
#define BH_LEDGER_JUDGED 1u

struct bh_ledger {
  __u64 disk_sequence; /* of the gendisk (5.15, cf179948554a): a device number alone is used again */
  __u64 size;          /* bytes */
  __u32 granule_shift;
  __u32 flags; /* BH_LEDGER_* */
  /* The kernel side's from here on. Granules that became clean, by enum bh_wipe. */
  __u64 wiped[BH_WIPE_KINDS];
  __u64 first_wiped_ns; /* CLOCK_BOOTTIME */
  __u64 last_wiped_ns;
  __u64 failed_writes;
  __u64 untold_bytes; /* of residue that was read and not told */
  __u64 untold_reads;
  __u64 window_ns; /* start of the second that `window_records` is about */
  __u64 window_records;
};
BH_STATIC_ASSERT(sizeof(struct bh_ledger) == 104, "bh_ledger");

struct bh_extent {
  __u64 offset;
  __u64 length;
};

#define BH_RESIDUE_EXTENTS 4u

/* What the tenant read of what its predecessor left. */
struct bh_residue_record {
  struct bh_header header;
  struct bh_file_key file;
  __u64 bytes; /* of this read and of those that were not told since the last record */
  __u64 reads;
  __u32 ledger;
  __u32 extents_count; /* of this read: the first ones */
  struct bh_extent extents[BH_RESIDUE_EXTENTS];
};
BH_STATIC_ASSERT(sizeof(struct bh_residue_record) == 176, "bh_residue_record");

#endif
