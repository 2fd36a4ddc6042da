/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Records of the probes in ebpf/probes/memory. */
#ifndef BULKHEAD_EBPF_RECORDS_MEMORY_H
#define BULKHEAD_EBPF_RECORDS_MEMORY_H

#include "ebpf/records/header.h"

/* Same numbers as bulkhead.v1.MemoryOperation. */
enum bh_memory_operation {
  BH_MEMORY_PROCESS_VM_READ = 1,
  BH_MEMORY_PROCESS_VM_WRITE = 2,
  BH_MEMORY_PTRACE = 3,
  BH_MEMORY_PROC_MEM_OPEN = 4,
  BH_MEMORY_PROC_MEM_READ = 5,
  BH_MEMORY_PROC_MEM_WRITE = 6,
  BH_MEMORY_PIDFD_GETFD = 7,
  BH_MEMORY_PERF_EVENT = 8,
  BH_MEMORY_PROCESS_MADVISE = 9,
  BH_MEMORY_KCMP = 10,
  BH_MEMORY_UPROBE = 11,
  BH_MEMORY_PROC_MEM_RECEIVE = 12,
  BH_MEMORY_USERFAULTFD_RECEIVE = 13,
};

struct bh_memory_record {
  struct bh_header header;
  __u64 target_start_ns; /* of the VMM's thread group leader */
  __u32 target_tgid;
  __u32 target_tid; /* the thread that the caller named */
  __u64 address;
  __s64 result;
  __u32 operation;      /* enum bh_memory_operation */
  __u32 ptrace_request; /* linux/ptrace.h */
  __u32 open_flags;     /* of the open file description, for PROC_MEM_OPEN */
  __u32 descriptor;     /* in the VMM, for PIDFD_GETFD */
};
BH_STATIC_ASSERT(sizeof(struct bh_memory_record) == 112, "bh_memory_record");

/*
 * Pages of the actor, a VMM, that became one with pages of the object's. The header's actor ids are the VMM's; KSM's
 * own thread did it.
 */
struct bh_merge_record {
  struct bh_header header;
  __u64 pages;           /* of these two, since the last record of them */
  __u64 target_start_ns; /* the VMM that had the page first */
  __u32 target_tgid;
  __u32 padding;
};
BH_STATIC_ASSERT(sizeof(struct bh_merge_record) == 88, "bh_merge_record");

/*
 * vCPUs of the actor, a VMM, ran while vCPUs of the object's, which started before it, ran on siblings of their CPUs.
 * Of the header's actor ids, thread group and start are the VMM's; the others are 0.
 */
struct bh_siblings_record {
  struct bh_header header;
  __u64 shared_ns;       /* since the last record of these two, summed over pairs of CPUs */
  __u64 overlaps;        /* that it is made of */
  __u64 window_ns;       /* from the last record of these two, or their first overlap, to this one */
  __u64 target_start_ns; /* the object's VMM */
  __u32 target_tgid;
  __u32 padding;
};
BH_STATIC_ASSERT(sizeof(struct bh_siblings_record) == 104, "bh_siblings_record");

/* The actor, a VMM, ends by a signal whose default is to write a core file. */
struct bh_core_record {
  struct bh_header header;
  __u64 limit; /* RLIMIT_CORE, bytes */
  __u32 signal;
  __u32 padding;
};
BH_STATIC_ASSERT(sizeof(struct bh_core_record) == 80, "bh_core_record");

#endif
