// SPDX-License-Identifier: GPL-2.0
// NET-03: a frame that came in from one tenant's port leaves on another tenant's port of this host. Both moments carry
// the same buffer (skb->head), also when a bridge floods clones; the Ethernet header's source must be the same too, so
// that a buffer which was freed and used again makes no finding.
#include "ebpf/lib/frame.bpf.h"

char LICENSE[] SEC("license") = "GPL";

struct bh_frame {
  struct bh_owner owner;
  __u32 network_namespace;
  __u32 ifindex;
  __u8 source_mac[6];
  __u8 port_mac[6];
};

// Frames between their arrival and their delivery, by buffer. The table forgets the oldest: a frame is delivered within
// microseconds of its arrival, long before that many others came.
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 16384);
  __type(key, __u64);
  __type(value, struct bh_frame);
} frames SEC(".maps");

static __always_inline struct bh_port* port_of(const struct net_device* device, struct bh_port_key* key) {
  key->network_namespace = BPF_CORE_READ(device, nd_net.net, ns.inum);
  key->ifindex = BPF_CORE_READ(device, ifindex);
  return bpf_map_lookup_elem(&ports, key);
}

SEC("tp_btf/netif_receive_skb")
int BPF_PROG(frame_received, struct sk_buff* skb) {
  struct bh_port_key key = {};
  struct bh_port* port = port_of(skb->dev, &key);
  if (!port) return 0;
  struct bh_frame frame = {.owner = port->owner, .network_namespace = key.network_namespace, .ifindex = key.ifindex};
  __builtin_memcpy(frame.port_mac, port->mac, 6);
  unsigned char* header = skb->head + skb->mac_header;
  if (bpf_probe_read_kernel(frame.source_mac, 6, header + 6)) return 0;
  __u64 buffer = (__u64)skb->head;
  bpf_map_update_elem(&frames, &buffer, &frame, BPF_ANY);
  return 0;
}

static __always_inline void report(const struct sk_buff* skb, const struct bh_frame* frame,
                                   const struct bh_port* destination, const struct bh_port_key* key,
                                   const unsigned char* ethernet) {
  __u16 ethertype_network = 0;
  bpf_probe_read_kernel(&ethertype_network, 2, ethernet + 12);
  struct bh_flow_key flow = {.network_namespace = key->network_namespace,
                             .source_ifindex = frame->ifindex,
                             .destination_ifindex = key->ifindex,
                             .ethertype = bpf_ntohs(ethertype_network)};
  __u64 now = bpf_ktime_get_boot_ns(), told_frames, told_bytes;
  if (!bh_flow_due(&flow, now, skb->len, &told_frames, &told_bytes)) {
    BH_COUNT(BH_PROBE_NETWORK_DELIVERY, coalesced);
    return;
  }
  struct bh_delivery_record record = {};
  record.header.time_ns = now;
  record.header.actor = frame->owner;
  record.header.object = destination->owner;
  record.network_namespace = key->network_namespace;
  record.source_ifindex = frame->ifindex;
  record.destination_ifindex = key->ifindex;
  record.witnesses = BH_WITNESS_SHARED_HEAD;
  record.ethertype = flow.ethertype;
  record.frames = told_frames;
  record.bytes = told_bytes;
  bpf_probe_read_kernel(record.destination_mac, 6, ethernet);
  __builtin_memcpy(record.source_mac, frame->source_mac, 6);
  if (!__builtin_memcmp(frame->source_mac, frame->port_mac, 6)) record.witnesses |= BH_WITNESS_SOURCE_MAC;
  bh_read_addresses(&record, ethernet + BH_ETHERNET_HEADER);
  bh_submit(&record.header, BH_PROBE_NETWORK_DELIVERY, BH_RECORD_DELIVERY, sizeof(record));
}

SEC("tp_btf/net_dev_start_xmit")
int BPF_PROG(frame_delivered, const struct sk_buff* skb, const struct net_device* device) {
  struct bh_port_key key = {};
  struct bh_port* destination = port_of(device, &key);
  if (!destination) return 0;
  __u64 buffer = (__u64)skb->head;
  struct bh_frame* frame = bpf_map_lookup_elem(&frames, &buffer);
  if (!frame || frame->network_namespace != key.network_namespace) return 0;
  const unsigned char* ethernet = skb->data;
  __u8 source_mac[6] = {};
  bpf_probe_read_kernel(source_mac, 6, ethernet + 6);
  if (__builtin_memcmp(source_mac, frame->source_mac, 6)) return 0;

  BH_COUNT(BH_PROBE_NETWORK_DELIVERY, seen);
  if (bh_same_tenant(frame->owner, destination->owner)) {
    BH_COUNT(BH_PROBE_NETWORK_DELIVERY, suppressed);
    return 0;
  }
  report(skb, frame, destination, &key, ethernet);
  return 0;
}
