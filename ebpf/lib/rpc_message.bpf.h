/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A message of libvirt's remote protocol in the daemon's memory, found from the arguments of its USDT probes.
 *
 * The probes tell the header's numbers and the message's length, not where the message is. Its place is found so: the
 * length argument is a member of virNetMessage, and the probe's own note says by which register and offset it is read;
 * the member before it is the buffer. Whether that is so is proved for each message by itself: the buffer must begin
 * with the very length, program, procedure, type, status and serial that the probe's arguments tell. If it does not,
 * the call is told without its domain; nothing is guessed.
 *
 * The buffer is the daemon's private copy, and the daemon decodes the same bytes: a client cannot change them any more.
 */
#ifndef BULKHEAD_EBPF_LIB_RPC_MESSAGE_BPF_H
#define BULKHEAD_EBPF_LIB_RPC_MESSAGE_BPF_H

#include "ebpf/lib/bulkhead.bpf.h"

#include <bpf/usdt.bpf.h>

#include "ebpf/records/libvirt_procedures.h"

/* virNetMessageType and virNetMessageStatus, src/rpc/virnetprotocol.x */
#define BH_RPC_CALL 0
#define BH_RPC_REPLY 1
#define BH_RPC_CALL_WITH_FDS 4
#define BH_RPC_REPLY_WITH_FDS 5
#define BH_RPC_OK 0
#define BH_RPC_ERROR 1

#define BH_RPC_HEADER_WORDS 7 /* length, program, version, procedure, type, serial, status */
#define BH_RPC_NAME_LIMIT 4096

/* The arguments of rpc_server_client_msg_rx and rpc_server_client_msg_tx_queue. */
struct bh_rpc_arguments {
  __u64 client;
  __u32 length;
  __u32 program;
  __u32 procedure;
  __u32 type;
  __u32 status;
  __u32 serial;
};

static __always_inline __u32 bh_usdt_word(struct pt_regs* ctx, __u64 index) {
  long value = 0;
  bpf_usdt_arg(ctx, index, &value);
  return (__u32)value;
}

static __always_inline void bh_rpc_arguments(struct pt_regs* ctx, struct bh_rpc_arguments* message) {
  long client = 0;
  bpf_usdt_arg(ctx, 0, &client);
  message->client = (__u64)client;
  message->length = bh_usdt_word(ctx, 1);
  message->program = bh_usdt_word(ctx, 2);
  message->procedure = bh_usdt_word(ctx, 4);
  message->type = bh_usdt_word(ctx, 5);
  message->status = bh_usdt_word(ctx, 6);
  message->serial = bh_usdt_word(ctx, 7);
}

/* Where the member is that argument `index` was read from; 0 when it is no member. */
static __always_inline __u64 bh_usdt_place(struct pt_regs* ctx, __u32 index) {
  int id = __bpf_usdt_spec_id(ctx);
  if (id < 0) return 0;
  struct __bpf_usdt_spec* spec = bpf_map_lookup_elem(&__bpf_usdt_specs, &id);
  if (!spec || index >= BPF_USDT_MAX_ARG_CNT) return 0;
  if (spec->args[index].arg_type != BPF_USDT_ARG_REG_DEREF) return 0;
  short reg = spec->args[index].reg_off;
  if (reg < 0 || reg > (short)(sizeof(struct pt_regs) - sizeof(__u64))) return 0;
  __u64 base = 0;
  if (bpf_probe_read_kernel(&base, sizeof(base), (void*)ctx + reg)) return 0;
  return base + spec->args[index].val_off;
}

static __always_inline bool bh_read_word(__u64 place, __u32* word) {
  if (bpf_probe_read_user(word, sizeof(*word), (void*)place)) return false;
  *word = bpf_ntohl(*word);
  return true;
}

/* Where a message is read: [at, end) in the daemon's memory; at is 0 once something did not fit. */
struct bh_rpc_cursor {
  __u64 at;
  __u64 end;
};

static __always_inline bool bh_open_message(struct pt_regs* ctx, const struct bh_rpc_arguments* message,
                                            struct bh_rpc_cursor* cursor) {
  __u64 buffer = 0, place = bh_usdt_place(ctx, 1);
  __u32 header[BH_RPC_HEADER_WORDS];
  cursor->at = cursor->end = 0;
  if (!place || bpf_probe_read_user(&buffer, sizeof(buffer), (void*)(place - sizeof(buffer)))) return false;
  if (message->length < sizeof(header) || bpf_probe_read_user(header, sizeof(header), (void*)buffer)) return false;
  if (bpf_ntohl(header[0]) != message->length || bpf_ntohl(header[1]) != message->program ||
      bpf_ntohl(header[3]) != message->procedure || bpf_ntohl(header[4]) != message->type ||
      bpf_ntohl(header[5]) != message->serial || bpf_ntohl(header[6]) != message->status)
    return false;
  bool with_files = message->type == BH_RPC_CALL_WITH_FDS || message->type == BH_RPC_REPLY_WITH_FDS;
  cursor->at = buffer + sizeof(header) + (with_files ? sizeof(__u32) : 0); /* their number comes first */
  cursor->end = buffer + message->length;
  return true;
}

static __always_inline bool bh_fits(const struct bh_rpc_cursor* cursor, __u64 size) {
  return cursor->at && cursor->at + size <= cursor->end && cursor->at + size >= cursor->at;
}

static __always_inline bool bh_take_word(struct bh_rpc_cursor* cursor, __u32* word) {
  if (!bh_fits(cursor, sizeof(*word)) || !bh_read_word(cursor->at, word)) return false;
  cursor->at += sizeof(*word);
  return true;
}

/* Leaves the cursor behind the string; the text is at *text. */
static __always_inline bool bh_take_string(struct bh_rpc_cursor* cursor, __u64* text, __u32* length) {
  if (!bh_take_word(cursor, length) || !bh_fits(cursor, *length)) return false;
  *text = cursor->at;
  cursor->at += ((__u64)*length + 3) & ~3ull;
  return true;
}

/* remote_nonnull_domain: name, uuid, id. libvirt's QEMU driver finds a domain by this uuid alone. */
static __always_inline bool bh_take_domain(struct bh_rpc_cursor* cursor, struct bh_domain_key* domain) {
  __u64 text;
  __u32 length;
  if (!bh_take_string(cursor, &text, &length) || length > BH_RPC_NAME_LIMIT) return false;
  if (!bh_fits(cursor, sizeof(*domain) + sizeof(__u32))) return false;
  if (bpf_probe_read_user(domain, sizeof(*domain), (void*)cursor->at)) return false;
  cursor->at += sizeof(*domain) + sizeof(__u32);
  return true;
}

/* `layout`: what is between here and the flags (libvirt_procedures.h). */
static __always_inline bool bh_take_flags(struct bh_rpc_cursor* cursor, __u32 layout, __u32* flags) {
  __u64 text;
  __u32 word;
  for (int step = 0; step < BH_XDR_STEPS; step++, layout >>= 4) {
    switch (layout & 15) {
      case BH_XDR_FLAGS:
        return bh_take_word(cursor, flags);
      case BH_XDR_STRING:
        if (!bh_take_string(cursor, &text, &word)) return false;
        break;
      case BH_XDR_OPTIONAL:
        if (!bh_take_word(cursor, &word)) return false;
        if (word && !bh_take_string(cursor, &text, &word)) return false;
        break;
      case BH_XDR_WORD:
        if (!bh_take_word(cursor, &word)) return false;
        break;
      default:
        return false;
    }
  }
  return false;
}

#endif
