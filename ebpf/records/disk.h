/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Records of the probes in ebpf/probes/disk. */
#ifndef BULKHEAD_EBPF_RECORDS_DISK_H
#define BULKHEAD_EBPF_RECORDS_DISK_H

#include "ebpf/records/header.h"

/* Same numbers as bulkhead.v1.OpenMethod. */
enum bh_open_method {
  BH_OPEN_OPEN = 1,
  BH_OPEN_CREAT = 2,
  BH_OPEN_OPENAT = 3,
  BH_OPEN_OPENAT2 = 4,
  BH_OPEN_BY_HANDLE_AT = 5,
  BH_OPEN_IO_URING = 6,
  BH_OPEN_OTHER = 7,
  BH_OPEN_RECEIVED = 8,
};

/* path_length bytes of path components follow, deepest first, each ended by NUL. */
struct bh_file_open_record {
  struct bh_header header;
  struct bh_file_key file;
  __u32 method; /* enum bh_open_method */
  __u32 open_flags;
  __u32 link_count;
  __u16 path_length;
  __u16 padding;
};
BH_STATIC_ASSERT(sizeof(struct bh_file_open_record) == 104, "bh_file_open_record");

#endif
