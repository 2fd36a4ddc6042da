/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Record of the probe disk.volume_change. */
#ifndef BULKHEAD_EBPF_RECORDS_VOLUME_CHANGE_H
#define BULKHEAD_EBPF_RECORDS_VOLUME_CHANGE_H

#include "ebpf/records/header.h"

/* Same numbers as bulkhead.v1.VolumeChangeKind. */
enum bh_volume_change {
  BH_CHANGE_RENAMED = 1,
  BH_CHANGE_UNLINKED = 2,
  BH_CHANGE_LINKED = 3,
  BH_CHANGE_REPLACED = 4,
  BH_CHANGE_CLONED = 5,
  BH_CHANGE_CLONED_OVER = 6,
  BH_CHANGE_TRUNCATED = 7,
  BH_CHANGE_PUNCHED = 8,
  BH_CHANGE_PERMISSIONS = 9,
};

/* The tail of the other path was cut, as BH_FLAG_PATH_CUT is for the path's. */
#define BH_FLAG_OTHER_PATH_CUT 0x4000u

/*
 * Two tails follow: path_length bytes of the volume's path before the change, then other_length bytes of the other
 * path. Both are components, deepest first, each ended by NUL; of length 0 where no mount of the actor's shows it.
 */
struct bh_volume_change_record {
  struct bh_header header;
  struct bh_file_key file;
  __s64 result;
  __u64 length;
  __u32 change; /* enum bh_volume_change */
  __u16 path_length;
  __u16 other_length;
};
BH_STATIC_ASSERT(sizeof(struct bh_volume_change_record) == 112, "bh_volume_change_record");

#endif
