/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* What every record begins with, and who acted. */
#ifndef BULKHEAD_EBPF_RECORDS_HEADER_H
#define BULKHEAD_EBPF_RECORDS_HEADER_H

#include "ebpf/records/ownership.h"

#define BH_COMMAND_LENGTH 16
#define BH_LINEAGE_LENGTH 4
#define BH_PATH_CAPACITY 1024
#define BH_CGROUP_CAPACITY 512
#define BH_CGROUP_DEPTH 16 /* components of it that are told; the deepest ones */

/* The actor was a trusted host service (by executable, uid and parent) for this operation. */
#define BH_FLAG_TRUSTED 1u
/* The path tail was cut: the deepest components are there, the ones near the root are not. */
#define BH_FLAG_PATH_CUT 2u
/* What was opened is all of the host's memory; for file open records. */
#define BH_FLAG_HOST_MEMORY 4u
/* What was opened is no tenant's, and nothing that the VMM's domain declares; for file open records. */
#define BH_FLAG_HOST_FILE 8u
/* The path is a name in the abstract namespace of unix sockets; for endpoint records. */
#define BH_FLAG_ABSTRACT_NAME 16u
/* What was opened is an object of a guest's memory; for file open records. */
#define BH_FLAG_GUEST_MEMORY 32u

struct bh_header {
  __u64 time_ns;
  __u64 actor_start_ns; /* of the thread group's leader */
  __u32 actor_tgid;
  __u32 actor_tid;
  __u32 actor_exec_id; /* counts the process's execve calls: with tgid and start, names one executable's run */
  __u32 actor_uid;
  __u32 actor_login_uid;
  struct bh_owner actor;
  struct bh_owner object;
  __u16 kind;  /* enum bh_record_kind */
  __u16 probe; /* enum bh_probe */
  __u16 size;  /* of the whole record with its tail */
  __u16 flags; /* BH_FLAG_* */
  __u32 padding;
};
BH_STATIC_ASSERT(sizeof(struct bh_header) == 64, "bh_header");
BH_STATIC_ASSERT(BH_OFFSETOF(struct bh_header, kind) == 52, "bh_header.kind");

struct bh_process {
  __u64 start_ns;
  __u32 tgid;
  __u32 padding;
  char command[BH_COMMAND_LENGTH];
};
BH_STATIC_ASSERT(sizeof(struct bh_process) == 32, "bh_process");

/*
 * Who acted: once for each (tgid, start, exec id) that touches a tenant, before its first other record, because a
 * short-lived process is gone before anyone could look at /proc. Two tails follow: path_length bytes of the
 * executable's path, then cgroup_length bytes of the cgroup's. Both are components, deepest first, each ended by NUL.
 */
struct bh_actor_record {
  struct bh_header header;
  struct bh_file_key executable;
  char command[BH_COMMAND_LENGTH];
  struct bh_process lineage[BH_LINEAGE_LENGTH]; /* parent first; tgid 0 ends it */
  __u16 path_length;
  __u16 cgroup_length;
  __u32 padding;
};
BH_STATIC_ASSERT(sizeof(struct bh_actor_record) == 240, "bh_actor_record");

#endif
