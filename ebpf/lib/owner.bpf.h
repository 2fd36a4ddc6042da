/* SPDX-License-Identifier: GPL-2.0 */
/* Whose a task is, and whether that makes an access a matter between tenants. */
#ifndef BULKHEAD_EBPF_LIB_OWNER_BPF_H
#define BULKHEAD_EBPF_LIB_OWNER_BPF_H

#include "ebpf/lib/file.bpf.h"
#include "ebpf/lib/maps.bpf.h"
#include "ebpf/lib/task.bpf.h"

/* `tgid` is the task's. */
static __always_inline struct bh_vmm* bh_vmm_by(__u32 tgid, struct task_struct* task) {
  struct bh_vmm* vmm = bpf_map_lookup_elem(&vmms, &tgid);
  if (!vmm || vmm->start_ns != bh_start_ns(task)) return 0;
  return vmm;
}

/* The VMM entry of a task's process; null for one that is no VMM's. A reused pid does not match the start. */
static __always_inline struct bh_vmm* bh_vmm_of(struct task_struct* task) {
  return bh_vmm_by(BPF_CORE_READ(task, tgid), task);
}

/* That of the current process: what every hooked call of any process asks. */
static __always_inline struct bh_vmm* bh_current_vmm(void) {
  return bh_vmm_by((__u32)(bpf_get_current_pid_tgid() >> 32), (struct task_struct*)bpf_get_current_task());
}

/*
 * The owner of what a task does. vhost workers are threads of the VMM since 6.4 (6e890c5d5021); before, kernel threads
 * that work in the VMM's address space, which names it.
 */
static __always_inline struct bh_owner bh_actor_owner(struct task_struct* task) {
  struct bh_owner owner = {BH_OWNER_HOST, 0};
  if (BPF_CORE_READ(task, flags) & BH_PF_KTHREAD) {
    struct mm_struct* mm = BPF_CORE_READ(task, mm);
    if (!mm) return owner;
    task = BPF_CORE_READ(mm, owner);
    if (!task) return owner;
  }
  struct bh_vmm* vmm = bh_vmm_of(task);
  if (vmm) owner = vmm->owner;
  return owner;
}

/* A tenant that is not known equals nothing, itself included. */
static __always_inline bool bh_same_tenant(struct bh_owner actor, struct bh_owner object) {
  return actor.tenant == object.tenant && object.tenant < BH_OWNER_LIMIT;
}

/* Its entry is there for those who had it alone. */
static __always_inline bool bh_is_nobodys(const struct bh_volume* volume) {
  return volume->owner.tenant == BH_OWNER_HOST && !(volume->flags & (BH_VOLUME_BASE | BH_VOLUME_MEMORY));
}

static __always_inline struct bh_trust* bh_trust_of(struct task_struct* task) {
  struct file* executable = BPF_CORE_READ(task, mm, exe_file);
  struct bh_file_key key;
  if (!executable || !bh_file_key_of(BPF_CORE_READ(executable, f_inode), &key)) return 0;
  return bpf_map_lookup_elem(&trusted_executables, &key);
}

/* Is this host process a service that may do this? Asked only once an access is known to cross tenants. */
static __always_inline bool bh_is_trusted(struct task_struct* task, __u32 permission) {
  struct bh_trust* trust = bh_trust_of(task);
  if (!trust || !(trust->permissions & permission)) return false;
  if (trust->uid != BH_ANY_UID && trust->uid != BPF_CORE_READ(task, cred, uid.val)) return false;
  if (!(trust->permissions & BH_NEEDS_TRUSTED_PARENT)) return true;
  struct bh_trust* parent = bh_trust_of(BPF_CORE_READ(task, real_parent));
  return parent && (parent->permissions & permission) && !(parent->permissions & BH_NEEDS_TRUSTED_PARENT);
}

#endif
