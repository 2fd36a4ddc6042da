/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Records of the probes in ebpf/probes/vmm. */
#ifndef BULKHEAD_EBPF_RECORDS_VMM_H
#define BULKHEAD_EBPF_RECORDS_VMM_H

#include "ebpf/records/header.h"

/* Same numbers as bulkhead.v1.VmmActKind. */
enum bh_vmm_act {
  BH_VMM_ACT_EXECUTE = 1,
  BH_VMM_ACT_CREDENTIALS = 2,
  BH_VMM_ACT_NAMESPACE = 3,
  BH_VMM_ACT_MOUNT = 4,
  BH_VMM_ACT_MODULE = 5,
  BH_VMM_ACT_BPF = 6,
  BH_VMM_ACT_PTRACE = 7,
};

/* The call was clone, clone3, fork or vfork: the kernel tells its outcome, not its number. */
#define BH_CALL_CLONE 0xffffffffu

/* For BH_VMM_ACT_EXECUTE, path_length bytes of the program's path follow: components, deepest first, each ended by NUL.
 */
struct bh_vmm_act_record {
  struct bh_header header;
  __s64 result;
  __u64 argument;
  __u32 act;  /* enum bh_vmm_act */
  __u32 call; /* this machine's number of the system call, or BH_CALL_CLONE */
  __u32 path_length;
  __u32 padding;
};
BH_STATIC_ASSERT(sizeof(struct bh_vmm_act_record) == 96, "bh_vmm_act_record");

#endif
