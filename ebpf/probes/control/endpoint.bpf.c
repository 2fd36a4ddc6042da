// SPDX-License-Identifier: GPL-2.0
// CTRL-02 and CTRL-03: connections to a domain's monitor, guest agent channel, console or display; VMM-04: a VMM's to a
// unix socket of the host's. The socket at the other end is judged, by the kernel's own pointer to it, not the address
// that the caller gave.
#include "ebpf/lib/host_socket.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define EINPROGRESS 115
#define LOOPBACK_NETWORK 127

/* The descriptor of a connect() in flight, by thread. */
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 8192);
  __type(key, __u64);
  __type(value, __u32);
} connects SEC(".maps");

SEC("tracepoint/syscalls/sys_enter_connect")
int connect_enter(struct trace_event_raw_sys_enter* ctx) {
  __u64 thread = bpf_get_current_pid_tgid();
  __u32 descriptor = (__u32)ctx->args[0];
  bpf_map_update_elem(&connects, &thread, &descriptor, BPF_ANY);
  return 0;
}

/* unix_stream_connect: the end that was made for us keeps the address that the listener is bound to. */
static __always_inline struct unix_sock* peer_of(struct sock* socket) {
  return (struct unix_sock*)BPF_CORE_READ((struct unix_sock*)socket, peer);
}

static __always_inline void judge_unix(struct task_struct* task, struct sock* socket, __s64 result) {
  struct unix_sock* peer = peer_of(socket);
  if (!peer) return;
  struct bh_endpoint_key key = {};
  struct dentry* dentry = BPF_CORE_READ(peer, path.dentry);
  if (dentry && bh_endpoint_key_of(BPF_CORE_READ(dentry, d_inode), &key) &&
      bh_judge_endpoint(BH_PROBE_CONTROL_ENDPOINT, task, &key, BH_ENDPOINT_CONNECT, result))
    return;
  bh_judge_host_socket(BH_PROBE_CONTROL_ENDPOINT, task, peer, &key, result);
}

/* A connection to this host itself: over loopback, or from an address to the same address. */
static __always_inline bool is_local(struct sock* socket, __u16 family) {
  if (family == AF_INET) {
    __u32 to = BPF_CORE_READ(socket, __sk_common.skc_daddr);
    return (bpf_ntohl(to) >> 24) == LOOPBACK_NETWORK || to == BPF_CORE_READ(socket, __sk_common.skc_rcv_saddr);
  }
  struct in6_addr to, from;
  BPF_CORE_READ_INTO(&to, socket, __sk_common.skc_v6_daddr);
  BPF_CORE_READ_INTO(&from, socket, __sk_common.skc_v6_rcv_saddr);
  __u32* address = to.in6_u.u6_addr32;
  bool mapped_loopback = !address[0] && !address[1] && address[2] == bpf_htonl(0xffff) &&
                         (bpf_ntohl(address[3]) >> 24) == LOOPBACK_NETWORK;
  return mapped_loopback || !__builtin_memcmp(&to, &from, sizeof(to));
}

static __always_inline bool key_of_tcp(struct sock* socket, __u16 family, struct bh_endpoint_key* key) {
  if (!is_local(socket, family)) return false;
  __builtin_memset(key, 0, sizeof(*key));
  key->network_namespace = BPF_CORE_READ(socket, __sk_common.skc_net.net, ns.inum);
  key->port = bpf_ntohs(BPF_CORE_READ(socket, __sk_common.skc_dport));
  return key->port != 0;
}

SEC("tracepoint/syscalls/sys_exit_connect")
int connect_exit(struct trace_event_raw_sys_exit* ctx) {
  __u64 thread = bpf_get_current_pid_tgid();
  __u32* descriptor = bpf_map_lookup_elem(&connects, &thread);
  if (!descriptor || (ctx->ret != 0 && ctx->ret != -EINPROGRESS)) return 0;
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  struct file* file = bh_file_of(task, *descriptor);
  if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & BH_S_IFMT) != BH_S_IFSOCK) return 0;
  struct socket* handle = (struct socket*)BPF_CORE_READ(file, private_data);
  struct sock* socket = BPF_CORE_READ(handle, sk);
  if (!socket) return 0;
  __u16 family = BPF_CORE_READ(socket, __sk_common.skc_family);
  if (family == AF_UNIX) {
    judge_unix(task, socket, ctx->ret);
  } else if (family == AF_INET || family == AF_INET6) {
    struct bh_endpoint_key key;
    if (key_of_tcp(socket, family, &key))
      bh_judge_endpoint(BH_PROBE_CONTROL_ENDPOINT, task, &key, BH_ENDPOINT_CONNECT, ctx->ret);
  }
  return 0;
}
