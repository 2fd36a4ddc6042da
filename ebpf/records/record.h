/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Records that probes put into the rings, and the keys and values of the ownership maps. Declared once, for the kernel
 * side (C, clang -target bpf) and for the agent (C++): fixed-width fields, explicit padding, sizes asserted in both.
 *
 * Byte order is the host's. Times are nanoseconds of CLOCK_BOOTTIME. Thread and process ids are those of the initial
 * pid namespace. Numbers of enums are never reused.
 */
#ifndef BULKHEAD_EBPF_RECORDS_RECORD_H
#define BULKHEAD_EBPF_RECORDS_RECORD_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#ifdef __cplusplus
#define BH_STATIC_ASSERT(condition, text) static_assert(condition, text)
#define BH_OFFSETOF(type, member) __builtin_offsetof(type, member)
#else
#define BH_STATIC_ASSERT(condition, text) _Static_assert(condition, text)
#define BH_OFFSETOF(type, member) __builtin_offsetof(type, member)
#endif

/* Same numbers as bulkhead.v1.Probe; index of the counters map. */
enum bh_probe {
  BH_PROBE_MEMORY_PROCESS_VM = 2,
  BH_PROBE_MEMORY_PTRACE = 3,
  BH_PROBE_DISK_FILE_OPEN = 4,
  BH_PROBE_DISK_IO_URING_OPEN = 5,
  BH_PROBE_NETWORK_DELIVERY = 6,
  BH_PROBE_CONTROL_VMM_LIFECYCLE = 7,
  BH_PROBE_LIMIT = 16,
};

enum bh_record_kind {
  BH_RECORD_ACTOR = 1,
  BH_RECORD_MEMORY = 2,
  BH_RECORD_FILE_OPEN = 3,
  BH_RECORD_DELIVERY = 4,
  BH_RECORD_LIFECYCLE = 5,
};

/*
 * Tenants and domains are numbers that the agent hands out while it runs; they are never reused in a run. 0 is the
 * host. A VMM whose exec was just seen belongs to BH_OWNER_STARTING until the agent knows its domain; it equals
 * nothing, not even another starting VMM. The same holds for what two tenants claim (BH_OWNER_CONTESTED).
 */
#define BH_OWNER_HOST 0u
#define BH_OWNER_STARTING 0xfffffffeu
#define BH_OWNER_CONTESTED 0xfffffffdu
#define BH_OWNER_LIMIT 0xfffffff0u

struct bh_owner {
  __u32 tenant;
  __u32 domain;
};

/* ---- ownership maps ---- */

/* A VMM or a process that descends from one. Key: thread group id. */
struct bh_vmm {
  struct bh_owner owner;
  __u64 start_ns; /* of the thread group's leader: tells a reused pid */
  __u32 flags;    /* BH_VMM_* */
  __u32 padding;
};
#define BH_VMM_DESCENDANT 1u /* came by fork from a VMM */
BH_STATIC_ASSERT(sizeof(struct bh_vmm) == 24, "bh_vmm");

/*
 * What a file is to the kernel. A block device is its number, whatever node led there; then inode and generation are 0.
 * The agent never computes a key from stat(2): it lets the kernel side do it (ebpf/probes/control/file_key.bpf.c).
 */
struct bh_file_key {
  __u64 inode;
  __u32 device; /* kernel encoding: major << 20 | minor */
  __u32 generation;
  __u32 is_block;
  __u32 padding;
};
BH_STATIC_ASSERT(sizeof(struct bh_file_key) == 24, "bh_file_key");

struct bh_volume {
  struct bh_owner owner;
};

/* An ifindex means nothing without its network namespace. */
struct bh_port_key {
  __u32 network_namespace; /* inode number of the namespace */
  __u32 ifindex;
};

struct bh_port {
  struct bh_owner owner;
  __u8 mac[6];
  __u8 padding[2];
};
BH_STATIC_ASSERT(sizeof(struct bh_port) == 16, "bh_port");

/* What a trusted host executable (by its file key) may do. */
#define BH_MAY_OPEN_VOLUMES 1u
#define BH_MAY_ACCESS_MEMORY 2u
#define BH_NEEDS_TRUSTED_PARENT 0x80000000u /* only when started by another trusted executable */
#define BH_ANY_UID 0xffffffffu
struct bh_trust {
  __u32 permissions;
  __u32 uid; /* or BH_ANY_UID */
};

/* One per probe and CPU. seen = suppressed + coalesced + emitted + lost. */
struct bh_counters {
  __u64 seen;
  __u64 suppressed;
  __u64 coalesced;
  __u64 emitted;
  __u64 lost;
};

/* ---- questions that the agent puts to ebpf/probes/control/object_key.bpf.c, answered in place ---- */

/* The file behind a descriptor of the caller; O_PATH suffices. */
struct bh_file_key_query {
  __u32 descriptor;
  __u32 padding;
  struct bh_file_key key;
};

/* The process that a number means to the caller. */
struct bh_process_query {
  __u32 number;
  __u32 tgid;
  __u64 start_ns;
};

/* ---- records ---- */

#define BH_COMMAND_LENGTH 16
#define BH_LINEAGE_LENGTH 4
#define BH_PATH_CAPACITY 1024
#define BH_CGROUP_CAPACITY 512
#define BH_CGROUP_DEPTH 16 /* components of it that are told; the deepest ones */

/* The actor was a trusted host service (by executable, uid and parent) for this operation. */
#define BH_FLAG_TRUSTED 1u
/* The path tail was cut: the deepest components are there, the ones near the root are not. */
#define BH_FLAG_PATH_CUT 2u

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

/* Same numbers as bulkhead.v1.MemoryOperation. */
enum bh_memory_operation {
  BH_MEMORY_PROCESS_VM_READ = 1,
  BH_MEMORY_PROCESS_VM_WRITE = 2,
  BH_MEMORY_PTRACE = 3,
  BH_MEMORY_PROC_MEM_OPEN = 4,
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
  __u32 padding;
};
BH_STATIC_ASSERT(sizeof(struct bh_memory_record) == 112, "bh_memory_record");

/* Same numbers as bulkhead.v1.OpenMethod. */
enum bh_open_method {
  BH_OPEN_OPEN = 1,
  BH_OPEN_CREAT = 2,
  BH_OPEN_OPENAT = 3,
  BH_OPEN_OPENAT2 = 4,
  BH_OPEN_BY_HANDLE_AT = 5,
  BH_OPEN_IO_URING = 6,
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

#define BH_WITNESS_SHARED_HEAD 1u /* the frame left on the port has the buffer of the one that came in */
#define BH_WITNESS_SOURCE_MAC 2u  /* its source MAC is the one that the source port is assigned */

struct bh_delivery_record {
  struct bh_header header;
  __u32 network_namespace;
  __u32 source_ifindex;
  __u32 destination_ifindex;
  __u32 witnesses; /* BH_WITNESS_* */
  __u8 source_mac[6];
  __u8 destination_mac[6];
  __u16 ethertype;     /* host byte order */
  __u8 ip_protocol;    /* next header for IPv6 */
  __u8 address_length; /* 0, 4 or 16 */
  __u8 source_address[16];
  __u8 destination_address[16];
  __u64 frames; /* since the last record of this (source, destination, ethertype) */
  __u64 bytes;
};
BH_STATIC_ASSERT(sizeof(struct bh_delivery_record) == 144, "bh_delivery_record");

enum bh_lifecycle {
  BH_LIFECYCLE_EMULATOR_EXEC = 1, /* a known emulator binary was executed: a VMM may be starting */
  BH_LIFECYCLE_VMM_EXIT = 2,      /* a VMM that is no descendant ended */
};

/* For the agent alone: never becomes an event. The actor is the VMM. */
struct bh_lifecycle_record {
  struct bh_header header;
  __u32 change; /* enum bh_lifecycle */
  __u32 padding;
};
BH_STATIC_ASSERT(sizeof(struct bh_lifecycle_record) == 72, "bh_lifecycle_record");

#endif
