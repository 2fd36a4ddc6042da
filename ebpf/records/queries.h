/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Questions that the agent puts to ebpf/probes/control/object_key.bpf.c, answered in place. */
#ifndef BULKHEAD_EBPF_RECORDS_QUERIES_H
#define BULKHEAD_EBPF_RECORDS_QUERIES_H

#include "ebpf/records/ownership.h"

/* The file behind a descriptor of the caller; O_PATH suffices. */
struct bh_file_key_query {
  __u32 descriptor;
  __u32 padding;
  struct bh_file_key key;
};

/* The socket or character device behind a descriptor of the caller; O_PATH suffices. */
struct bh_endpoint_key_query {
  __u32 descriptor;
  __u32 padding;
  struct bh_endpoint_key key;
};

/* The process that a number means to the caller. */
struct bh_process_query {
  __u32 number;
  __u32 tgid;
  __u64 start_ns;
};

#endif
