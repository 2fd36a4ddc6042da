/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* What was done to the host's block devices and mounts; and questions about them, as those of queries.h. */
#ifndef BULKHEAD_EBPF_RECORDS_MAPPING_H
#define BULKHEAD_EBPF_RECORDS_MAPPING_H

#include "ebpf/records/header.h"

enum bh_mapping_act {
  BH_MAPPING_BLOCK_EVENT = 1, /* the kernel told that a block device came, changed or went */
  BH_MAPPING_MOUNT = 2,
};

#define BH_UEVENT_CAPACITY 512
#define BH_FILE_SYSTEM_NAME_LENGTH 32

/*
 * For the agent, which knows what is built on what. text_length bytes follow: of the kernel's event, strings that end
 * with NUL, of which the last may be cut; or the components of the path of the mount, deepest first.
 */
struct bh_mapping_record {
  struct bh_header header;
  struct bh_file_key root; /* of a mount: what is at its top, when it is a regular file */
  __u8 uuid[16];           /* of the file system; 0 where it has none */
  char type[BH_FILE_SYSTEM_NAME_LENGTH];
  __u32 act;    /* enum bh_mapping_act */
  __u32 device; /* of a mount: what its file system is on, major << 20 | minor; 0 for none and for several */
  __u16 read_only;
  __u16 text_length;
  __u32 padding;
};
BH_STATIC_ASSERT(sizeof(struct bh_mapping_record) == 152, "bh_mapping_record");

/* The block device whose folder in sysfs is behind a descriptor of the caller; O_PATH suffices. */
struct bh_block_device_query {
  __u32 descriptor;
  __u32 device;        /* major << 20 | minor */
  __u64 disk_sequence; /* of its disk: a number that is never given twice (5.15) */
  __u64 sectors;       /* of 512 bytes */
  __u32 is_loop;
  __u32 loop_known;           /* this kernel's types say what a loop device is */
  struct bh_file_key backing; /* of a loop device; 0 while it has none */
  __u64 offset;               /* bytes, in the backing file */
  __u64 limit;                /* bytes, 0: to its end */
  __u8 uuid[16];              /* of the file system that the backing file is in */
};
BH_STATIC_ASSERT(sizeof(struct bh_block_device_query) == 88, "bh_block_device_query");

/* The file system of the file behind a descriptor of the caller; O_PATH suffices. */
struct bh_file_system_query {
  __u32 descriptor;
  __u32 padding;
  __u8 uuid[16];
};

#endif
