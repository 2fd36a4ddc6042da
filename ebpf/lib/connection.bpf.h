/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A connection that was made. The socket at the other end is judged, by the kernel's own pointer to it, not the address
 * that the caller gave: a domain's monitor, guest agent channel, console or display (CTRL-02, CTRL-03), and of a VMM a
 * unix socket of the host's (VMM-04).
 */
#ifndef BULKHEAD_EBPF_LIB_CONNECTION_BPF_H
#define BULKHEAD_EBPF_LIB_CONNECTION_BPF_H

#include "ebpf/lib/host_socket.bpf.h"

#define BH_AF_UNIX 1
#define BH_AF_INET 2
#define BH_AF_INET6 10
#define BH_EINPROGRESS 115
#define BH_LOOPBACK_NETWORK 127

/* unix_stream_connect: the end that was made for us keeps the address that the listener is bound to. */
static __always_inline struct unix_sock* bh_unix_peer(struct sock* socket) {
  return (struct unix_sock*)BPF_CORE_READ((struct unix_sock*)socket, peer);
}

static __always_inline void bh_judge_unix_connection(struct task_struct* task, struct sock* socket, __s64 result) {
  struct unix_sock* peer = bh_unix_peer(socket);
  if (!peer) return;
  struct bh_endpoint_key key = {};
  struct dentry* dentry = BPF_CORE_READ(peer, path.dentry);
  if (dentry && bh_endpoint_key_of(BPF_CORE_READ(dentry, d_inode), &key) &&
      bh_judge_endpoint(BH_PROBE_CONTROL_ENDPOINT, task, &key, BH_ENDPOINT_CONNECT, result))
    return;
  bh_judge_host_socket(BH_PROBE_CONTROL_ENDPOINT, task, peer, &key, result);
}

/* A connection to this host itself: over loopback, or from an address to the same address. */
static __always_inline bool bh_is_local_connection(struct sock* socket, __u16 family) {
  if (family == BH_AF_INET) {
    __u32 to = BPF_CORE_READ(socket, __sk_common.skc_daddr);
    return (bpf_ntohl(to) >> 24) == BH_LOOPBACK_NETWORK || to == BPF_CORE_READ(socket, __sk_common.skc_rcv_saddr);
  }
  struct in6_addr to, from;
  BPF_CORE_READ_INTO(&to, socket, __sk_common.skc_v6_daddr);
  BPF_CORE_READ_INTO(&from, socket, __sk_common.skc_v6_rcv_saddr);
  __u32* address = to.in6_u.u6_addr32;
  bool mapped_loopback = !address[0] && !address[1] && address[2] == bpf_htonl(0xffff) &&
                         (bpf_ntohl(address[3]) >> 24) == BH_LOOPBACK_NETWORK;
  return mapped_loopback || !__builtin_memcmp(&to, &from, sizeof(to));
}

static __always_inline bool bh_tcp_key_of(struct sock* socket, __u16 family, struct bh_endpoint_key* key) {
  if (!bh_is_local_connection(socket, family)) return false;
  __builtin_memset(key, 0, sizeof(*key));
  key->network_namespace = BPF_CORE_READ(socket, __sk_common.skc_net.net, ns.inum);
  key->port = bpf_ntohs(BPF_CORE_READ(socket, __sk_common.skc_dport));
  return key->port != 0;
}

/* `result` is that of the call that connected `file`, if that is a socket. */
static __always_inline void bh_judge_connection(struct file* file, __s64 result) {
  if (!file || (result != 0 && result != -BH_EINPROGRESS)) return;
  if ((BPF_CORE_READ(file, f_inode, i_mode) & BH_S_IFMT) != BH_S_IFSOCK) return;
  struct socket* handle = (struct socket*)BPF_CORE_READ(file, private_data);
  struct sock* socket = BPF_CORE_READ(handle, sk);
  if (!socket) return;
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  __u16 family = BPF_CORE_READ(socket, __sk_common.skc_family);
  if (family == BH_AF_UNIX) {
    bh_judge_unix_connection(task, socket, result);
  } else if (family == BH_AF_INET || family == BH_AF_INET6) {
    struct bh_endpoint_key key;
    if (bh_tcp_key_of(socket, family, &key))
      bh_judge_endpoint(BH_PROBE_CONTROL_ENDPOINT, task, &key, BH_ENDPOINT_CONNECT, result);
  }
}

#endif
