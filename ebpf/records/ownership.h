/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Owners by number, and the keys and values of the ownership maps. */
#ifndef BULKHEAD_EBPF_RECORDS_OWNERSHIP_H
#define BULKHEAD_EBPF_RECORDS_OWNERSHIP_H

#include "ebpf/records/layout.h"

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
  __u32 flags;  /* BH_VOLUME_* */
  __u32 ledger; /* of what its last tenant left on it (ebpf/records/ledger.h); 0 for none */
};
#define BH_VOLUME_MEMORY 1u /* an object of guest memory */
#define BH_VOLUME_BASE 2u   /* an image that everyone may read and nobody write; its owner is the host */
#define BH_VOLUME_ALIAS 8u  /* a device built over a volume: while its disk is that of `alias_disks` */
BH_STATIC_ASSERT(sizeof(struct bh_volume) == 16, "bh_volume");

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

#define BH_SIBLINGS_LIMIT 8u

/* The online CPUs that are one core with a CPU, itself among them, lowest first. Key: the CPU. */
struct bh_siblings {
  __u32 count; /* 0: it shares its core with none */
  __u32 rank;  /* of the CPU itself in `cpus` */
  __u32 cpus[BH_SIBLINGS_LIMIT];
};
BH_STATIC_ASSERT(sizeof(struct bh_siblings) == 40, "bh_siblings");

#endif
