/* SPDX-License-Identifier: GPL-2.0 */
/* Calls that a libvirt daemon works on, from their arrival to their answer. */
#ifndef BULKHEAD_EBPF_LIB_CONTROL_CALL_BPF_H
#define BULKHEAD_EBPF_LIB_CONTROL_CALL_BPF_H

#include "ebpf/lib/command_verb.bpf.h"
#include "ebpf/lib/rpc_caller.bpf.h"
#include "ebpf/lib/rpc_message.bpf.h"

#define BH_CONTROL_PATIENCE_NS 2000000000ull       /* then a call is told without its answer */
#define BH_CONTROL_REMEMBERED_NS 86400000000000ull /* and then forgotten, should its answer never come */

struct bh_procedure {
  __u32 flags_layout;
  __u32 only_with_flags;
  __u8 category;
  __u8 place;
};

/* A power of two, so that the verifier sees an index bounded. */
#define BH_PROCEDURE_ROWS 512
#define BH_PROCEDURE_ROW(name, number, category, place, layout, flags) \
  [number] = {layout, flags, BH_CONTROL_##category, BH_DOMAIN_##place},
/* No procedure has number 0. One of a newer libvirt: what it does is not known, so it is told. */
#define BH_UNKNOWN_PROCEDURE [0] = {0, 0, BH_CONTROL_OTHER, 0},
static const struct bh_procedure bh_procedures[BH_PROCEDURE_ROWS] = {
    BH_UNKNOWN_PROCEDURE BH_LIBVIRT_PROCEDURES(BH_PROCEDURE_ROW)};
static const struct bh_procedure bh_qemu_procedures[BH_LIBVIRT_QEMU_PROCEDURE_LIMIT] = {
    BH_UNKNOWN_PROCEDURE BH_LIBVIRT_QEMU_PROCEDURES(BH_PROCEDURE_ROW)};

struct bh_call_key {
  __u64 client;
  __u32 tgid;
  __u32 serial; /* the client's choice: one that it uses twice at once names the later call */
};

struct bh_call {
  struct bh_control_record record;
  struct bh_verb_scan scan;
  __u32 place; /* enum bh_domain_place */
  __u32 padding;
};

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 4096);
  __type(key, struct bh_call_key);
  __type(value, struct bh_call);
} control_calls SEC(".maps");

/* Calls of which a record is out: who puts one here first has told it, the others tell an answer that came late. */
struct bh_told_key {
  __u64 client;
  __u64 time_ns;
};

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 8192);
  __type(key, struct bh_told_key);
  __type(value, __u32);
} told_calls SEC(".maps");

static const struct bh_call bh_new_call;

static __always_inline const struct bh_procedure* bh_procedure_of(const struct bh_rpc_arguments* message) {
  bool qemu = message->program == BH_LIBVIRT_QEMU_PROGRAM;
  __u32 number = message->procedure;
  if (number >= (qemu ? BH_LIBVIRT_QEMU_PROCEDURE_LIMIT : BH_LIBVIRT_PROCEDURE_LIMIT)) number = 0;
  barrier_var(number); /* so that the masks below stay */
  if (!qemu) return &bh_procedures[number & (BH_PROCEDURE_ROWS - 1)];
  return &bh_qemu_procedures[number & (BH_LIBVIRT_QEMU_PROCEDURE_LIMIT - 1)];
}

/* `answered`: with its answer. One that is told already is told again only with that. */
static __always_inline void bh_tell_call(const struct bh_call_key* key, struct bh_call* call, bool answered,
                                         __u64 now_ns) {
  struct bh_control_record* record = &call->record;
  struct bh_told_key told = {.client = key->client, .time_ns = record->header.time_ns};
  __u32 yes = 1;
  if (bpf_map_update_elem(&told_calls, &told, &yes, BPF_NOEXIST)) {
    if (!answered) return;
    record->notes |= BH_CONTROL_LATE_ANSWER;
    BH_COUNT(BH_PROBE_CONTROL_LIBVIRT_RPC, seen); /* once more: the call was counted with its first record */
  }
  record->duration_ns = now_ns - record->header.time_ns;
  bh_submit(&record->header, BH_PROBE_CONTROL_LIBVIRT_RPC, BH_RECORD_CONTROL_CALL, sizeof(*record));
}

static __always_inline void bh_fill_domain(struct bh_control_record* record) {
  struct bh_owner* owner = bpf_map_lookup_elem(&domains, &record->domain);
  record->notes |= BH_CONTROL_HAS_DOMAIN;
  if (owner) record->header.object = *owner;
}

static long bh_scan_step(__u32 index, struct bh_call_key* key) {
  struct bh_call* call = bpf_map_lookup_elem(&control_calls, key);
  if (!call || index >= call->scan.length) return 1;
  return bh_verb_step(&call->scan, call->scan.text[index & (BH_COMMAND_PREFIX - 1)]);
}

static __always_inline void bh_fill_verb(struct bh_rpc_cursor cursor, struct bh_call_key* key, struct bh_call* call) {
  __u64 text;
  __u32 length;
  if (!bh_take_string(&cursor, &text, &length)) return;
  if (length > BH_COMMAND_PREFIX) length = BH_COMMAND_PREFIX;
  if (bpf_probe_read_user(call->scan.text, length & (2 * BH_COMMAND_PREFIX - 1), (void*)text)) return;
  call->scan.length = length;
  bpf_loop(BH_COMMAND_PREFIX, bh_scan_step, key, 0);
  __builtin_memcpy(call->record.verb, call->scan.verb, sizeof(call->record.verb));
  __builtin_memset(&call->scan, 0, sizeof(call->scan));
}

#endif
