/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* How much was read from and written to volumes, and by whom that is no longer theirs. */
#ifndef BULKHEAD_EBPF_RECORDS_VOLUME_IO_H
#define BULKHEAD_EBPF_RECORDS_VOLUME_IO_H

#include "ebpf/records/header.h"

/* The object was the actor's domain's, and is not any more; for records of volume I/O and of holdings. */
#define BH_FLAG_AFTER_DETACH 256u

/* A domain had it that may use it still: see `detached`. In bh_volume.flags. */
#define BH_VOLUME_DETACHED 256u

/* Same numbers as bulkhead.v1.VolumeIoLayer. */
enum bh_volume_io_layer {
  BH_VOLUME_IO_FILE = 1,
  BH_VOLUME_IO_BLOCK = 2,
};

struct bh_io_amounts {
  __u64 reads;
  __u64 bytes_read;
  __u64 writes;
  __u64 bytes_written;
  __u64 bytes_discarded; /* also what was zeroed without being sent */
  __u64 bytes_mapped;
};
BH_STATIC_ASSERT(sizeof(struct bh_io_amounts) == 48, "bh_io_amounts");

/*
 * What one run of an executable moved from and to a volume since the record before. With BH_VOLUME_IO_WRITEBACK it was
 * a cgroup, and the record names no process: its actor's start is the number of the cgroup's node, and an actor record
 * with that start and no process says its path.
 */
struct bh_volume_io_record {
  struct bh_header header;
  struct bh_file_key file;
  struct bh_io_amounts amounts;
  __u64 window_ns;
  __u32 layer; /* enum bh_volume_io_layer */
  __u32 flags; /* BH_VOLUME_IO_* */
};
BH_STATIC_ASSERT(sizeof(struct bh_volume_io_record) == 152, "bh_volume_io_record");
#define BH_VOLUME_IO_WRITEBACK 1u /* by a kernel thread, for the cgroup */

/* A question to ebpf/probes/control/object_key.bpf.c: which cgroup a process's block I/O is accounted to. */
struct bh_cgroup_query {
  __u32 process; /* as the caller numbers it */
  __u32 padding;
  __u64 cgroup; /* number of its node; 0 for the root, or when this kernel has no block controller */
};
BH_STATIC_ASSERT(sizeof(struct bh_cgroup_query) == 16, "bh_cgroup_query");

/* Domains that had a volume while their VMM has run, and have it no more. */
struct bh_detached_key {
  struct bh_file_key file;
  __u32 domain;
  __u32 padding;
};
BH_STATIC_ASSERT(sizeof(struct bh_detached_key) == 32, "bh_detached_key");

struct bh_detached {
  __u64 grace_end_ns; /* CLOCK_BOOTTIME: until then the VMM may be about to let go of it */
};

#endif
