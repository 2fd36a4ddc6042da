/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who is at the other end of a libvirt daemon's client connection, by the kernel's own socket.
 *
 * The USDT probe of a call names the daemon's client object, not its descriptor. The way from one to the other, two
 * members of structs that are libvirt's own, is learned from libvirt's probes: rpc_server_client_new tells a client and
 * its socket object, rpc_socket_new a socket object and its descriptor, so where the second stands in the first can be
 * seen. A place counts as long as it fits every connection that was made; the agent's own connection is the first.
 * When that leaves none, or more than one socket, the caller is told as unknown.
 */
#ifndef BULKHEAD_EBPF_LIB_RPC_CALLER_BPF_H
#define BULKHEAD_EBPF_LIB_RPC_CALLER_BPF_H

#include "ebpf/lib/emit.bpf.h"

#define BH_AF_UNIX 1
#define BH_AF_INET 2
#define BH_AF_INET6 10
/* Both members are near the beginning; further back there are addresses, and memory that was never written. */
#define BH_LEARNED_PLACES 32
#define BH_CLIENT_STEP 8       /* a pointer */
#define BH_SOCKET_STEP 4       /* an int */
#define BH_DESCRIPTOR_PLACES 4 /* that are looked at */

struct bh_daemon_key {
  __u64 start_ns;
  __u32 tgid;
  __u32 padding;
};

/* Bit n: the member may be at n steps. */
struct bh_rpc_layout {
  __u64 socket_in_client;
  __u64 descriptor_in_socket;
};

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 64);
  __type(key, struct bh_daemon_key);
  __type(value, struct bh_rpc_layout);
} layouts SEC(".maps");

/* Who connected, by the daemon's end of the connection: for callers that are gone when their call is read. */
struct bh_connection_key {
  __u64 socket; /* the kernel's */
  __u64 inode;
};

struct bh_caller {
  __u64 start_ns;
  __u32 tgid;
  __u32 exec_id;
  __u32 login_uid;
  __u32 padding;
};

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 4096);
  __type(key, struct bh_connection_key);
  __type(value, struct bh_caller);
} callers SEC(".maps");

/* Only what runs as root may speak for libvirt: anyone may run libvirtd for themselves. */
static __always_inline bool bh_is_libvirt_daemon(struct task_struct* task) {
  struct file* executable = BPF_CORE_READ(task, mm, exe_file);
  struct bh_file_key key;
  if (!executable || !bh_file_key_of(BPF_CORE_READ(executable, f_inode), &key)) return false;
  return bpf_map_lookup_elem(&libvirt_daemons, &key) && BPF_CORE_READ(task, cred, euid.val) == 0;
}

static __always_inline struct bh_rpc_layout* bh_layout_of(struct task_struct* daemon, bool make) {
  struct bh_daemon_key key = {.start_ns = bh_start_ns(daemon), .tgid = BPF_CORE_READ(daemon, tgid)};
  struct bh_rpc_layout anywhere = {~0ull, ~0ull};
  struct bh_rpc_layout* layout = bpf_map_lookup_elem(&layouts, &key);
  if (layout || !make) return layout;
  bpf_map_update_elem(&layouts, &key, &anywhere, BPF_NOEXIST);
  return bpf_map_lookup_elem(&layouts, &key);
}

/* The places in `object` where `value` stands. */
static __always_inline __u64 bh_places_of(__u64 object, __u64 value, __u32 step) {
  __u64 places = 0;
  for (int i = 1; i < BH_LEARNED_PLACES; i++) {
    __u64 found = 0;
    if (bpf_probe_read_user(&found, step, (void*)(object + i * step))) break;
    places |= (__u64)(found == value) << i;
  }
  return places;
}

/* The first of them, in bytes. */
static __always_inline __u32 bh_first_place(__u64 places, __u32 step) {
  __u32 index = 0;
  places &= -places;
  for (int width = 32; width > 0; width /= 2) {
    if (!(places >> width)) continue;
    places >>= width;
    index += width;
  }
  return index * step;
}

/* The kernel's socket behind one of the daemon's descriptors; null for what is none. */
static __always_inline struct sock* bh_socket_of(struct task_struct* daemon, __u32 descriptor, __u64* inode_number) {
  struct file* file = bh_file_of(daemon, descriptor);
  if (!file) return 0;
  struct inode* inode = BPF_CORE_READ(file, f_inode);
  if ((BPF_CORE_READ(inode, i_mode) & BH_S_IFMT) != BH_S_IFSOCK) return 0;
  *inode_number = BPF_CORE_READ(inode, i_ino);
  struct socket* socket = (struct socket*)BPF_CORE_READ(file, private_data);
  return BPF_CORE_READ(socket, sk);
}

/*
 * While several places may hold the descriptor, one of them does, and what it names is a socket, since a message was
 * just read from it: if only one socket is found at them, it is that. Two are none.
 */
static __always_inline struct sock* bh_client_socket(struct task_struct* daemon, __u64 client, __u64* inode_number) {
  struct bh_rpc_layout* layout = bh_layout_of(daemon, false);
  struct sock* only = 0;
  __u64 object = 0;
  if (!layout) return 0;
  __u64 places = layout->socket_in_client;
  if (!places || (places & (places - 1))) return 0;
  if (bpf_probe_read_user(&object, sizeof(object), (void*)(client + bh_first_place(places, BH_CLIENT_STEP)))) return 0;
  places = layout->descriptor_in_socket;
  for (int i = 0; i < BH_DESCRIPTOR_PLACES && places; i++, places &= places - 1) {
    __u64 place = object + bh_first_place(places, BH_SOCKET_STEP), number = 0;
    __u32 descriptor = 0;
    if (bpf_probe_read_user(&descriptor, sizeof(descriptor), (void*)place)) return 0;
    struct sock* found = bh_socket_of(daemon, descriptor, &number);
    if (!found || found == only) continue;
    if (only) return 0;
    only = found;
    *inode_number = number;
  }
  return places ? 0 : only;
}

static __always_inline void bh_remember_caller(struct sock* socket, __u64 inode_number) {
  if (BPF_CORE_READ(socket, __sk_common.skc_family) != BH_AF_UNIX) return;
  struct pid* pid = BPF_CORE_READ(socket, sk_peer_pid);
  struct task_struct* task = pid ? bh_pid_task(pid) : 0;
  if (!task) return;
  struct bh_connection_key key = {(__u64)socket, inode_number};
  struct bh_header who = {};
  bh_fill_actor(&who, task);
  struct bh_caller caller = {.start_ns = who.actor_start_ns,
                             .tgid = who.actor_tgid,
                             .exec_id = who.actor_exec_id,
                             .login_uid = who.actor_login_uid};
  bpf_map_update_elem(&callers, &key, &caller, BPF_ANY);
  bh_announce_actor(task);
}

static __always_inline void bh_fill_address(struct sock* socket, __u16 family, struct bh_control_record* record) {
  record->transport = BH_CONTROL_TCP;
  record->peer_port = bpf_ntohs(BPF_CORE_READ(socket, __sk_common.skc_dport));
  if (family == BH_AF_INET) {
    __u32 address = BPF_CORE_READ(socket, __sk_common.skc_daddr);
    record->address_length = sizeof(address);
    __builtin_memcpy(record->peer_address, &address, sizeof(address));
  } else {
    record->address_length = sizeof(record->peer_address);
    BPF_CORE_READ_INTO(&record->peer_address, socket, __sk_common.skc_v6_daddr);
  }
}

/* The process that connected, or where it is remembered from; `uid` is what libvirt itself judges by. */
static __always_inline void bh_fill_peer(struct sock* socket, __u64 inode_number, struct bh_control_record* record) {
  struct bh_connection_key key = {(__u64)socket, inode_number};
  struct bh_caller* before = bpf_map_lookup_elem(&callers, &key);
  struct pid* pid = BPF_CORE_READ(socket, sk_peer_pid);
  if (!pid) return;
  record->transport = BH_CONTROL_UNIX;
  struct task_struct* task = bh_pid_task(pid);
  struct bh_header* header = &record->header;
  if (task) {
    bh_announce_actor(task);
    bh_fill_actor(header, task);
    header->actor = bh_actor_owner(task);
    /* Who executes another program with a connection that it made before does not get that program's trust. */
    bool same_program = !before || before->exec_id == header->actor_exec_id;
    if (header->actor.tenant == BH_OWNER_HOST && same_program && bh_is_trusted(task, BH_MAY_CONTROL_DOMAINS))
      header->flags |= BH_FLAG_TRUSTED;
  } else {
    record->notes |= BH_CONTROL_CALLER_GONE;
    header->actor_tgid = header->actor_tid = BPF_CORE_READ(pid, numbers[0].nr);
    header->actor_login_uid = 0xffffffff;
    if (before) {
      header->actor_start_ns = before->start_ns;
      header->actor_exec_id = before->exec_id;
      header->actor_login_uid = before->login_uid;
    }
  }
  header->actor_uid = BPF_CORE_READ(socket, sk_peer_cred, uid.val);
}

/* A record without process or address is one of an unknown caller. */
static __always_inline void bh_fill_caller(struct task_struct* daemon, __u64 client, struct bh_control_record* record) {
  __u64 inode_number = 0;
  struct sock* socket = bh_client_socket(daemon, client, &inode_number);
  record->header.actor_uid = record->header.actor_login_uid = 0xffffffff;
  if (!socket) return;
  __u16 family = BPF_CORE_READ(socket, __sk_common.skc_family);
  if (family == BH_AF_UNIX)
    bh_fill_peer(socket, inode_number, record);
  else if (family == BH_AF_INET || family == BH_AF_INET6)
    bh_fill_address(socket, family, record);
}

#endif
