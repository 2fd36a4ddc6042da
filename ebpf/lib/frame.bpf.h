/* SPDX-License-Identifier: GPL-2.0 */
/* Ethernet frames: what their headers say, and how often a flow of them is told. */
#ifndef BULKHEAD_EBPF_LIB_FRAME_BPF_H
#define BULKHEAD_EBPF_LIB_FRAME_BPF_H

#include "ebpf/lib/emit.bpf.h"

#define BH_ETHERNET_HEADER 14
#define BH_ETH_IPV4 0x0800
#define BH_ETH_ARP 0x0806
#define BH_ETH_IPV6 0x86dd
#define BH_REPORT_INTERVAL_NS 1000000000ULL

struct bh_flow_key {
  __u32 network_namespace;
  __u32 source_ifindex;
  __u32 destination_ifindex;
  __u32 ethertype;
};

struct bh_flow {
  __u64 reported_ns;
  __u64 frames; /* not told in a record yet */
  __u64 bytes;
};

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 16384);
  __type(key, struct bh_flow_key);
  __type(value, struct bh_flow);
} flows SEC(".maps");

/* True when this frame is to be told now; otherwise it is counted and told with a later one of its flow. */
static __always_inline bool bh_flow_due(const struct bh_flow_key* key, __u64 now, __u64 bytes, __u64* frames_out,
                                        __u64* bytes_out) {
  *frames_out = 1;
  *bytes_out = bytes;
  struct bh_flow* flow = bpf_map_lookup_elem(&flows, key);
  if (!flow) {
    struct bh_flow first = {.reported_ns = now};
    bpf_map_update_elem(&flows, key, &first, BPF_ANY);
    return true;
  }
  if (now - flow->reported_ns < BH_REPORT_INTERVAL_NS) {
    __sync_fetch_and_add(&flow->frames, 1);
    __sync_fetch_and_add(&flow->bytes, bytes);
    return false;
  }
  flow->reported_ns = now;
  *frames_out += __sync_lock_test_and_set(&flow->frames, 0);
  *bytes_out += __sync_lock_test_and_set(&flow->bytes, 0);
  return true;
}

static __always_inline void bh_read_addresses(struct bh_delivery_record* record, const unsigned char* payload) {
  __u32 source, destination, length, protocol;
  if (record->ethertype == BH_ETH_IPV4) {
    source = 12, destination = 16, length = 4, protocol = 9;
  } else if (record->ethertype == BH_ETH_ARP) {
    source = 14, destination = 24, length = 4, protocol = 0;
  } else if (record->ethertype == BH_ETH_IPV6) {
    source = 8, destination = 24, length = 16, protocol = 6;
  } else {
    return;
  }
  record->address_length = length;
  if (length == 4) {
    bpf_probe_read_kernel(record->source_address, 4, payload + source);
    bpf_probe_read_kernel(record->destination_address, 4, payload + destination);
  } else {
    bpf_probe_read_kernel(record->source_address, 16, payload + source);
    bpf_probe_read_kernel(record->destination_address, 16, payload + destination);
  }
  if (protocol) bpf_probe_read_kernel(&record->ip_protocol, 1, payload + protocol);
}

#endif
