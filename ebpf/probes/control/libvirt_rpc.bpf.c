// SPDX-License-Identifier: GPL-2.0
// CTRL-01 and MEM-09: what libvirt's daemons are asked to do to domains, by whom, and what they answered. Told when the
// answer goes out, or when it has been waited for long enough (unanswered(), which the agent runs every second).
#define BH_PREEMPTIBLE
#include "ebpf/lib/control_call.bpf.h"

char LICENSE[] SEC("license") = "GPL";

static __always_inline void fill_call(struct pt_regs* ctx, struct task_struct* daemon,
                                      const struct bh_rpc_arguments* message, struct bh_control_record* record) {
  record->header.time_ns = bpf_ktime_get_boot_ns();
  record->daemon_tgid = BPF_CORE_READ(daemon, tgid);
  record->daemon_start_ns = bh_start_ns(daemon);
  record->program = message->program;
  record->procedure = message->procedure;
  record->result = BH_CONTROL_UNANSWERED;
}

/* False when the call is harmless after all, by its flags. */
static __always_inline bool fill_arguments(struct pt_regs* ctx, const struct bh_rpc_arguments* message,
                                           const struct bh_procedure* procedure, struct bh_call_key* key,
                                           struct bh_call* call) {
  struct bh_control_record* record = &call->record;
  struct bh_rpc_cursor cursor;
  __u64 text;
  __u32 length;
  if (!bh_open_message(ctx, message, &cursor)) return true;
  if (procedure->place != BH_DOMAIN_FIRST && procedure->place != BH_DOMAIN_SNAPSHOT) return true;
  if (procedure->place == BH_DOMAIN_SNAPSHOT && !bh_take_string(&cursor, &text, &length)) return true;
  if (!bh_take_domain(&cursor, &record->domain)) return true;
  bh_fill_domain(record);
  if (message->program == BH_LIBVIRT_QEMU_PROGRAM) bh_fill_verb(cursor, key, call);
  bool known = bh_take_flags(&cursor, procedure->flags_layout, &record->call_flags);
  return !procedure->only_with_flags || !known || (record->call_flags & procedure->only_with_flags);
}

static __always_inline void received(struct pt_regs* ctx, struct task_struct* daemon,
                                     const struct bh_rpc_arguments* message) {
  const struct bh_procedure* procedure = bh_procedure_of(message);
  BH_COUNT(BH_PROBE_CONTROL_LIBVIRT_RPC, seen);
  if (!procedure->category) {
    BH_COUNT(BH_PROBE_CONTROL_LIBVIRT_RPC, suppressed);
    return;
  }
  struct bh_call_key key = {message->client, BPF_CORE_READ(daemon, tgid), message->serial};
  struct bh_call* call = bpf_map_lookup_elem(&control_calls, &key);
  if (call) bh_tell_call(&key, call, false, bpf_ktime_get_boot_ns());
  if (bpf_map_update_elem(&control_calls, &key, &bh_new_call, BPF_ANY) ||
      !(call = bpf_map_lookup_elem(&control_calls, &key))) {
    BH_COUNT(BH_PROBE_CONTROL_LIBVIRT_RPC, lost);
    return;
  }
  call->place = procedure->place;
  bool matters = fill_arguments(ctx, message, procedure, &key, call);
  if (matters) bh_fill_caller(daemon, message->client, &call->record);
  fill_call(ctx, daemon, message, &call->record);
  /* The host's own calls always matter: an object that is not known has the host's number. */
  struct bh_owner actor = call->record.header.actor;
  if (matters && (actor.tenant == BH_OWNER_HOST || !bh_same_tenant(actor, call->record.header.object))) return;
  bpf_map_delete_elem(&control_calls, &key);
  BH_COUNT(BH_PROBE_CONTROL_LIBVIRT_RPC, suppressed);
}

/* rpc_server_client_msg_rx */
SEC("usdt")
int call_received(struct pt_regs* ctx) {
  struct task_struct* daemon = (struct task_struct*)bpf_get_current_task();
  struct bh_rpc_arguments message;
  if (!bh_is_libvirt_daemon(daemon)) return 0;
  bh_rpc_arguments(ctx, &message);
  if (message.type != BH_RPC_CALL && message.type != BH_RPC_CALL_WITH_FDS) return 0;
  if (message.program != BH_LIBVIRT_PROGRAM && message.program != BH_LIBVIRT_QEMU_PROGRAM) return 0;
  bh_begin_scratch();
  received(ctx, daemon, &message);
  bh_end_scratch();
  return 0;
}

/* rpc_server_client_msg_tx_queue */
SEC("usdt")
int answer_queued(struct pt_regs* ctx) {
  struct task_struct* daemon = (struct task_struct*)bpf_get_current_task();
  struct bh_rpc_arguments message;
  struct bh_rpc_cursor cursor;
  bh_rpc_arguments(ctx, &message);
  if (message.type != BH_RPC_REPLY && message.type != BH_RPC_REPLY_WITH_FDS) return 0;
  struct bh_call_key key = {message.client, BPF_CORE_READ(daemon, tgid), message.serial};
  struct bh_call* call = bpf_map_lookup_elem(&control_calls, &key);
  if (!call || call->record.program != message.program || call->record.procedure != message.procedure) return 0;
  struct bh_control_record* record = &call->record;
  record->result = message.status == BH_RPC_OK ? BH_CONTROL_DONE : BH_CONTROL_FAILED;
  if (bh_open_message(ctx, &message, &cursor)) {
    __u32 error;
    if (message.status == BH_RPC_ERROR && bh_take_word(&cursor, &error)) record->error = (__s32)error;
    if (message.status == BH_RPC_OK && call->place == BH_DOMAIN_RETURNED && bh_take_domain(&cursor, &record->domain))
      bh_fill_domain(record);
  }
  bh_tell_call(&key, call, true, bpf_ktime_get_boot_ns());
  bpf_map_delete_elem(&control_calls, &key);
  return 0;
}

static long look_after(void* map, struct bh_call_key* key, struct bh_call* call, __u64* now_ns) {
  __u64 age = *now_ns - call->record.header.time_ns;
  if (!call->record.header.time_ns || age > 1ull << 63) return 0; /* being filled at this moment */
  if (age > BH_CONTROL_PATIENCE_NS) bh_tell_call(key, call, false, *now_ns);
  if (age > BH_CONTROL_REMEMBERED_NS) bpf_map_delete_elem(map, key);
  return 0;
}

SEC("syscall")
int unanswered(void* ctx) {
  __u64 now_ns = bpf_ktime_get_boot_ns();
  bpf_for_each_map_elem(&control_calls, look_after, &now_ns, 0);
  return 0;
}

/* rpc_server_client_new: a client and its socket object. */
SEC("usdt")
int client_made(struct pt_regs* ctx) {
  struct task_struct* daemon = (struct task_struct*)bpf_get_current_task();
  long client = 0, socket = 0;
  if (!bh_is_libvirt_daemon(daemon) || bpf_usdt_arg(ctx, 0, &client) || bpf_usdt_arg(ctx, 1, &socket)) return 0;
  struct bh_rpc_layout* layout = bh_layout_of(daemon, true);
  if (layout) layout->socket_in_client &= bh_places_of(client, socket, BH_CLIENT_STEP);
  return 0;
}

/* rpc_socket_new: a socket object and its descriptor. */
SEC("usdt")
int socket_made(struct pt_regs* ctx) {
  struct task_struct* daemon = (struct task_struct*)bpf_get_current_task();
  long object = 0, descriptor = 0;
  __u64 inode_number = 0;
  if (!bh_is_libvirt_daemon(daemon) || bpf_usdt_arg(ctx, 0, &object) || bpf_usdt_arg(ctx, 1, &descriptor)) return 0;
  struct bh_rpc_layout* layout = bh_layout_of(daemon, true);
  if (layout) layout->descriptor_in_socket &= bh_places_of(object, (__u32)descriptor, BH_SOCKET_STEP);
  struct sock* socket = bh_socket_of(daemon, descriptor, &inode_number);
  if (!socket) return 0;
  bh_begin_scratch();
  bh_remember_caller(socket, inode_number);
  bh_end_scratch();
  return 0;
}
