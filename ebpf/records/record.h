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
  BH_PROBE_CONTROL_LIBVIRT_RPC = 8,
  BH_PROBE_CONTROL_ENDPOINT = 9,
  BH_PROBE_MEMORY_PROC_MEM = 10,
  BH_PROBE_MEMORY_INSTRUMENT = 11,
  BH_PROBE_VMM_CONFINEMENT = 12,
  BH_PROBE_HOST_SWEEP = 13,
  BH_PROBE_MEMORY_KSM = 14,
  BH_PROBE_AGENT_GUARD = 15,
  BH_PROBE_MEMORY_CORE_DUMP = 16,
  BH_PROBE_MEMORY_FILE_RECEIVE = 18,
  BH_PROBE_MEMORY_UPROBE = 19,
  BH_PROBE_LIMIT = 32,
};

enum bh_record_kind {
  BH_RECORD_ACTOR = 1,
  BH_RECORD_MEMORY = 2,
  BH_RECORD_FILE_OPEN = 3,
  BH_RECORD_DELIVERY = 4,
  BH_RECORD_LIFECYCLE = 5,
  BH_RECORD_CONTROL_CALL = 6,
  BH_RECORD_ENDPOINT = 7,
  BH_RECORD_VMM_ACT = 8,
  BH_RECORD_SIGNAL = 10,
  BH_RECORD_CANARY = 11,
  BH_RECORD_MERGE = 12,
  BH_RECORD_CORE = 13,
  BH_RECORD_HOLDING = 9,
};

/*
 * Tenants and domains are numbers that the agent hands out while it runs; they are never reused in a run. 0 is the
 * host. A VMM whose exec was just seen belongs to BH_OWNER_STARTING until the agent knows its domain; it equals
 * nothing, not even another starting VMM; its `domain` is then its thread group id, which its children inherit. The
 * same holds for what two tenants claim (BH_OWNER_CONTESTED).
 */
#define BH_OWNER_HOST 0u
#define BH_OWNER_STARTING 0xfffffffeu
#define BH_OWNER_CONTESTED 0xfffffffdu
#define BH_OWNER_AGENT \
  0xfffffffcu /* the agent itself, and the objects that it touches to see its own probes tell of it */
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
#define BH_VMM_CONFINED 2u   /* all that its domain declares is in declared_files: what else it opens is told */
BH_STATIC_ASSERT(sizeof(struct bh_vmm) == 24, "bh_vmm");

/*
 * What a file is to the kernel. A device is its number, whatever node led there; then inode and generation are 0.
 * The agent never computes a key from stat(2): it lets the kernel side do it (ebpf/probes/control/object_key.bpf.c).
 */
struct bh_file_key {
  __u64 inode;
  __u32 device; /* kernel encoding: major << 20 | minor */
  __u32 generation;
  __u32 is_block; /* BH_BLOCK_DEVICE; BH_CHARACTER_DEVICE in declared_files alone */
  __u32 padding;
};
#define BH_BLOCK_DEVICE 1u
#define BH_CHARACTER_DEVICE 2u
BH_STATIC_ASSERT(sizeof(struct bh_file_key) == 24, "bh_file_key");

/* A tenant's volume, or an object of guest memory: one map for both, so that an open costs one look-up. */
struct bh_volume {
  struct bh_owner owner;
  __u32 is_memory;
};

/*
 * What a VMM may open or connect to besides volumes and its endpoints: any kind of file, directories among them. Domain
 * 0 is every domain.
 */
struct bh_declared_key {
  struct bh_file_key file;
  __u32 domain;
  __u32 padding;
};
BH_STATIC_ASSERT(sizeof(struct bh_declared_key) == 32, "bh_declared_key");

struct bh_declared {
  __u32 access; /* BH_DECLARED_* */
};
#define BH_DECLARED_READ 1u
#define BH_DECLARED_WRITE 2u
#define BH_DECLARED_BELOW 4u /* a directory: the same for what is below it on its file system and has no other name */

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

/* A domain's uuid, as it is in libvirt's protocol. */
struct bh_domain_key {
  __u8 uuid[16];
};

/* Same numbers as bulkhead.v1.EndpointKind. */
enum bh_endpoint_kind {
  BH_ENDPOINT_MONITOR = 1,
  BH_ENDPOINT_GUEST_AGENT = 2,
  BH_ENDPOINT_CONSOLE = 3,
  BH_ENDPOINT_DISPLAY = 4,
  BH_ENDPOINT_HOST_SOCKET = 5,
};

/* A socket or pty by its inode, or a TCP port that is listened on by its network namespace; the other part is 0. */
struct bh_endpoint_key {
  __u64 inode;
  __u32 device; /* of the superblock */
  __u32 generation;
  __u32 network_namespace; /* inode number of the namespace */
  __u32 port;
};
BH_STATIC_ASSERT(sizeof(struct bh_endpoint_key) == 24, "bh_endpoint_key");

struct bh_endpoint {
  struct bh_owner owner;
  __u32 kind; /* enum bh_endpoint_kind */
};

/* What a trusted host executable (by its file key) may do. */
#define BH_MAY_OPEN_VOLUMES 1u
#define BH_MAY_ACCESS_MEMORY 2u
#define BH_MAY_CONTROL_DOMAINS 4u
#define BH_NEEDS_TRUSTED_PARENT 0x80000000u /* only when started by another trusted executable */
#define BH_ANY_UID 0xffffffffu
struct bh_trust {
  __u32 permissions;
  __u32 uid; /* or BH_ANY_UID */
};

/* The agent's process. */
struct bh_guarded {
  __u64 start_ns; /* of the thread group's leader */
  __u32 tgid;     /* 0: none */
  __u32 padding;
};
BH_STATIC_ASSERT(sizeof(struct bh_guarded) == 16, "bh_guarded");

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

/* Same numbers as bulkhead.v1.ControlResult. */
enum bh_control_result {
  BH_CONTROL_DONE = 1,
  BH_CONTROL_FAILED = 2,
  BH_CONTROL_UNANSWERED = 3,
};

/* Same numbers as bulkhead.v1.ControlTransport. */
enum bh_control_transport {
  BH_CONTROL_UNIX = 1,
  BH_CONTROL_TCP = 2,
};

#define BH_CONTROL_HAS_DOMAIN 1u  /* `domain` was read from the call, or from its answer */
#define BH_CONTROL_LATE_ANSWER 2u /* the call was told as unanswered before */
#define BH_CONTROL_CALLER_GONE 4u /* the actor is as it was when it connected */

#define BH_VERB_LENGTH 32

/* A call that a libvirt daemon received. The header's time is the call's; its actor is who asked: tgid 0 over TCP. */
struct bh_control_record {
  struct bh_header header;
  __u64 daemon_start_ns;
  __u64 duration_ns;
  __u32 daemon_tgid;
  __u32 program;
  __u32 procedure; /* ebpf/records/libvirt_procedures.h */
  __u32 call_flags;
  __s32 error;         /* virErrorNumber */
  __u16 result;        /* enum bh_control_result */
  __u16 notes;         /* BH_CONTROL_* */
  __u16 transport;     /* enum bh_control_transport; 0 unknown */
  __u16 peer_port;     /* host byte order */
  __u8 address_length; /* 0, 4 or 16 */
  __u8 padding[3];
  __u8 peer_address[16];
  struct bh_domain_key domain;
  char verb[BH_VERB_LENGTH];
};
BH_STATIC_ASSERT(sizeof(struct bh_control_record) == 176, "bh_control_record");

/* Same numbers as bulkhead.v1.EndpointMethod. */
enum bh_endpoint_method {
  BH_ENDPOINT_CONNECT = 1,
  BH_ENDPOINT_OPEN = 2,
};

/*
 * For BH_ENDPOINT_HOST_SOCKET, path_length bytes follow: of path components, deepest first, each ended by NUL; or of
 * the abstract name, as it is.
 */
struct bh_endpoint_record {
  struct bh_header header;
  struct bh_endpoint_key endpoint;
  __s64 result;
  __u32 kind;   /* enum bh_endpoint_kind */
  __u32 method; /* enum bh_endpoint_method */
  __u32 path_length;
  __u32 padding;
};
BH_STATIC_ASSERT(sizeof(struct bh_endpoint_record) == 112, "bh_endpoint_record");

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

/* The actor, a VMM, ends by a signal whose default is to write a core file. */
struct bh_core_record {
  struct bh_header header;
  __u64 limit; /* RLIMIT_CORE, bytes */
  __u32 signal;
  __u32 padding;
};
BH_STATIC_ASSERT(sizeof(struct bh_core_record) == 80, "bh_core_record");

/* Same numbers as bulkhead.v1.HoldingKind. */
enum bh_holding_kind {
  BH_HOLDING_DESCRIPTOR = 1,
  BH_HOLDING_MAPPING = 2,
};

/* Those of bulkhead.v1.ObjectKind that can be held. */
enum bh_held {
  BH_HELD_GUEST_MEMORY = 1,
  BH_HELD_VOLUME = 2,
  BH_HELD_HOST_MEMORY = 9,
  BH_HELD_VIRTUAL_MACHINE = 12,
};

/* Found by a sweep. path_length bytes of path components follow, deepest first, each ended by NUL. */
struct bh_holding_record {
  struct bh_header header;
  struct bh_file_key file;
  __u64 target_start_ns; /* of the VMM whose /proc/<pid>/mem it is; 0 for all else */
  __u64 mapped_bytes;    /* of the mapping that was found, the lowest of the object's */
  __u32 target_tgid;
  __u32 kind; /* enum bh_holding_kind */
  __u32 held; /* enum bh_held */
  __u32 descriptor;
  __u32 open_flags;
  __u16 writable; /* a shared mapping that may be written */
  __u16 path_length;
};
BH_STATIC_ASSERT(sizeof(struct bh_holding_record) == 128, "bh_holding_record");

/* ---- what a sweep over the VMMs' own mappings yields, read from the iterator and not from a ring ---- */

/* A VMM has this object mapped as only guest memory is. path_length bytes of path components follow, as in records. */
struct bh_memory_claim {
  struct bh_file_key file;
  struct bh_owner owner;
  __u64 vmm_start_ns;
  __u64 bytes;
  __u32 vmm_tgid;
  __u16 size; /* of the whole claim with its tail */
  __u16 path_length;
};
BH_STATIC_ASSERT(sizeof(struct bh_memory_claim) == 56, "bh_memory_claim");

#endif
