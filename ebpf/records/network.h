/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Records of the probes in ebpf/probes/network. */
#ifndef BULKHEAD_EBPF_RECORDS_NETWORK_H
#define BULKHEAD_EBPF_RECORDS_NETWORK_H

#include "ebpf/records/header.h"

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

#endif
