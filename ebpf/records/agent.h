/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Records of the probes in ebpf/probes/agent. */
#ifndef BULKHEAD_EBPF_RECORDS_AGENT_H
#define BULKHEAD_EBPF_RECORDS_AGENT_H

#include "ebpf/records/header.h"

/* A signal that another process sent to the agent. */
struct bh_signal_record {
  struct bh_header header;
  __u32 signal;
  __u32 padding;
};
BH_STATIC_ASSERT(sizeof(struct bh_signal_record) == 72, "bh_signal_record");

/* Which kind of act the canary was. */
#define BH_CANARY_MEMORY 0x100u   /* | enum bh_memory_operation */
#define BH_CANARY_OPEN 0x200u     /* | enum bh_open_method */
#define BH_CANARY_ENDPOINT 0x400u /* | enum bh_endpoint_method */

/* For the agent alone: an act of its own on an object of its own went through a hook, a map and this CPU's ring. */
struct bh_canary_record {
  struct bh_header header;
  __u32 hook_probe; /* enum bh_probe, whose hook saw it */
  __u32 act;        /* BH_CANARY_* */
  __u32 cpu;
  __u32 padding;
};
BH_STATIC_ASSERT(sizeof(struct bh_canary_record) == 80, "bh_canary_record");

#endif
