/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Records that probes put into the rings, and the keys and values of the ownership maps. Declared once, for the kernel
 * side (C, clang -target bpf) and for the agent (C++): fixed-width fields, explicit padding, sizes asserted in both.
 *
 * Byte order is the host's. Times are nanoseconds of CLOCK_BOOTTIME. Thread and process ids are those of the initial
 * pid namespace. Numbers of enums are never reused.
 *
 * Here is which probes and which kinds of records there are; the records themselves are by area, as the probes are.
 */
#ifndef BULKHEAD_EBPF_RECORDS_RECORD_H
#define BULKHEAD_EBPF_RECORDS_RECORD_H

#include "ebpf/records/agent.h"
#include "ebpf/records/control.h"
#include "ebpf/records/counters.h"
#include "ebpf/records/disk.h"
#include "ebpf/records/header.h"
#include "ebpf/records/host.h"
#include "ebpf/records/ledger.h"
#include "ebpf/records/mapping.h"
#include "ebpf/records/memory.h"
#include "ebpf/records/network.h"
#include "ebpf/records/ownership.h"
#include "ebpf/records/queries.h"
#include "ebpf/records/vmm.h"
#include "ebpf/records/volume_change.h"
#include "ebpf/records/volume_io.h"

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
  BH_PROBE_SCHED_SIBLINGS = 17,
  BH_PROBE_MEMORY_FILE_RECEIVE = 18,
  BH_PROBE_MEMORY_UPROBE = 19,
  BH_PROBE_DISK_VOLUME_IO = 20,
  BH_PROBE_DISK_VOLUME_CHANGE = 21,
  BH_PROBE_DISK_BLOCK_IO = 22,
  BH_PROBE_DISK_MAPPING = 23,
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
  BH_RECORD_SIBLINGS = 14,
  BH_RECORD_HOLDING = 9,
  BH_RECORD_VOLUME_IO = 15,
  BH_RECORD_VOLUME_CHANGE = 16,
  BH_RECORD_VOLUME_MAPPING = 17,
  BH_RECORD_RESIDUE_READ = 18,
};

#endif
