/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Records of the probes in ebpf/probes/control. */
#ifndef BULKHEAD_EBPF_RECORDS_CONTROL_H
#define BULKHEAD_EBPF_RECORDS_CONTROL_H

#include "ebpf/records/header.h"

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

#endif
