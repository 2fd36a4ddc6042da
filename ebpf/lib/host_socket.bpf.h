/* SPDX-License-Identifier: GPL-2.0 */
/* A VMM is connected to a unix socket that is no domain's: does its own domain declare it? VMM-04. */
#ifndef BULKHEAD_EBPF_LIB_HOST_SOCKET_BPF_H
#define BULKHEAD_EBPF_LIB_HOST_SOCKET_BPF_H

#include "ebpf/lib/declared.bpf.h"
#include "ebpf/lib/endpoint.bpf.h"

#define BH_UNIX_PATH_OFFSET 2 /* offsetof(struct sockaddr_un, sun_path) */
#define BH_UNIX_NAME_MAX 108

/* The name in the abstract namespace, without the NUL that it begins with; its length, 0 for a socket without a name.
 */
static __always_inline __u32 bh_write_abstract_name(struct bh_scratch* target, struct unix_sock* peer, __u32 offset) {
  struct unix_address* address = BPF_CORE_READ(peer, addr);
  if (!address) return 0;
  __u32 length = BPF_CORE_READ(address, len) - BH_UNIX_PATH_OFFSET - 1;
  if (length == 0 || length >= BH_UNIX_NAME_MAX) return 0;
  const char* name = (const char*)address + bpf_core_field_offset(struct unix_address, name) + BH_UNIX_PATH_OFFSET + 1;
  barrier_var(length);
  if (bpf_probe_read_kernel(target->bytes + offset, length & (BH_UNIX_NAME_MAX + 19), name)) return 0;
  return length;
}

static __always_inline void bh_tell_host_socket(__u32 probe, struct task_struct* task, struct unix_sock* peer,
                                                struct bh_owner actor, const struct bh_endpoint_key* key,
                                                __s64 result) {
  bh_announce_actor(task);
  struct bh_scratch* target = bh_this_cpu_scratch();
  if (!target) {
    BH_COUNT(probe, lost);
    return;
  }
  struct bh_endpoint_record* record = (struct bh_endpoint_record*)target->bytes;
  __builtin_memset(record, 0, sizeof(*record));
  bh_fill_actor(&record->header, task);
  record->header.actor = actor;
  record->endpoint = *key;
  record->result = result;
  record->kind = BH_ENDPOINT_HOST_SOCKET;
  record->method = BH_ENDPOINT_CONNECT;
  __u16 flags = 0;
  __u32 length;
  struct dentry* dentry = BPF_CORE_READ(peer, path.dentry);
  if (dentry) {
    length = bh_write_path_of(dentry, BPF_CORE_READ(peer, path.mnt), sizeof(*record), &flags);
  } else {
    length = bh_write_abstract_name(target, peer, sizeof(*record));
    flags = BH_FLAG_ABSTRACT_NAME;
  }
  record->path_length = length;
  record->header.flags = flags;
  __u32 size = sizeof(*record) + length;
  bh_stamp(&record->header, probe, BH_RECORD_ENDPOINT, size);
  bh_count_output(probe, bh_output_scratch(target, size));
}

/* `key` is that of the socket's file; all 0 for a name in the abstract namespace, which no definition can declare. */
static __always_inline void bh_judge_host_socket(__u32 probe, struct task_struct* task, struct unix_sock* peer,
                                                 const struct bh_endpoint_key* key, __s64 result) {
  struct bh_vmm* vmm = bh_confined_vmm();
  if (!vmm) return;
  struct dentry* dentry = BPF_CORE_READ(peer, path.dentry);
  /* The other end of a socketpair has no address. */
  if (!dentry && !BPF_CORE_READ(peer, addr)) return;
  BH_COUNT(probe, seen);
  if (dentry && bh_is_declared(BPF_CORE_READ(dentry, d_inode), dentry, vmm->owner.domain, BH_DECLARED_WRITE)) {
    BH_COUNT(probe, suppressed);
    return;
  }
  bh_tell_host_socket(probe, task, peer, vmm->owner, key, result);
}

#endif
