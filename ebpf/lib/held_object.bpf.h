/* SPDX-License-Identifier: GPL-2.0 */
/* Objects that a sweep looks for behind a descriptor or a mapping. */
#ifndef BULKHEAD_EBPF_LIB_HELD_OBJECT_BPF_H
#define BULKHEAD_EBPF_LIB_HELD_OBJECT_BPF_H

#include "ebpf/lib/guard.bpf.h"
#include "ebpf/lib/holding.bpf.h"
#include "ebpf/lib/userfaultfd.bpf.h"
#include "ebpf/lib/volume_use.bpf.h"

/* False for what is nobody's matter, and for what a domain that had it holds in the time that it has for that. */
static __always_inline bool bh_is_held_volume(struct task_struct* task, const struct bh_volume* volume,
                                              struct bh_holding_record* found) {
  if (!(volume->flags & BH_VOLUME_DETACHED)) return !bh_is_nobodys(volume);
  struct bh_owner actor = bh_actor_owner(task);
  enum bh_use use = bh_use_of(&found->file, volume, actor, true);
  if (use == BH_USE_AFTER_DETACH) {
    found->header.object = bh_object_of(use, volume, actor);
    found->header.flags = BH_FLAG_AFTER_DETACH;
  }
  return use == BH_USE_AFTER_DETACH || use == BH_USE_FOREIGN;
}

static __always_inline void bh_hold_volume(struct task_struct* task, struct file* file, struct inode* inode,
                                           struct bh_holding_record* found, __u32 sweep) {
  if (!bh_file_key_of(inode, &found->file)) return;
  struct bh_volume* volume = bpf_map_lookup_elem(&volumes, &found->file);
  if (!volume) return;
  bool is_memory = volume->flags & BH_VOLUME_MEMORY;
  if (!bh_writes(found) && (volume->flags & BH_VOLUME_BASE || bh_is_agent(task))) {
    BH_COUNT(BH_PROBE_HOST_SWEEP, seen);
    BH_COUNT(BH_PROBE_HOST_SWEEP, suppressed);
    return;
  }
  found->header.object = volume->owner;
  if (!is_memory && !bh_is_held_volume(task, volume, found)) return;
  found->held = is_memory ? BH_HELD_GUEST_MEMORY : BH_HELD_VOLUME;
  bh_judge_holding(BH_PROBE_HOST_SWEEP, task, file, found, is_memory ? BH_MAY_ACCESS_MEMORY : BH_MAY_OPEN_VOLUMES,
                   sweep);
}

static __always_inline void bh_hold_host_memory(struct task_struct* task, struct file* file,
                                                struct bh_holding_record* found, __u32 device, __u32 sweep) {
  found->file.device = device;
  found->held = BH_HELD_HOST_MEMORY;
  bh_judge_holding(BH_PROBE_HOST_SWEEP, task, file, found, BH_MAY_ACCESS_MEMORY, sweep);
}

static __always_inline void bh_hold_procfs(struct task_struct* task, struct file* file, struct inode* inode,
                                           struct bh_holding_record* found, __u32 sweep) {
  if (bh_is_proc_host_memory(file, inode)) {
    bh_hold_host_memory(task, file, found, 0, sweep);
    return;
  }
  struct task_struct* target = bh_proc_mem_task(file, inode);
  struct bh_vmm* vmm = target ? bh_vmm_of(target) : 0;
  if (!vmm) return;
  found->header.object = vmm->owner;
  found->target_tgid = BPF_CORE_READ(target, tgid);
  found->target_start_ns = vmm->start_ns;
  found->held = BH_HELD_GUEST_MEMORY;
  bh_judge_holding(BH_PROBE_HOST_SWEEP, task, file, found, BH_MAY_ACCESS_MEMORY, sweep);
}

/* A userfaultfd of a VMM's memory, in whatever process. */
static __always_inline void bh_hold_userfaultfd(struct task_struct* task, struct file* file, struct inode* inode,
                                                struct bh_holding_record* found, __u32 sweep) {
  struct task_struct* target = bh_userfaultfd_task(file);
  struct bh_vmm* vmm = target ? bh_vmm_of(target) : 0;
  if (!vmm) return;
  found->header.object = vmm->owner;
  found->target_tgid = BPF_CORE_READ(target, tgid);
  found->target_start_ns = vmm->start_ns;
  found->file.inode = BPF_CORE_READ(inode, i_ino);
  found->file.device = BPF_CORE_READ(inode, i_sb, s_dev);
  found->held = BH_HELD_GUEST_MEMORY;
  bh_judge_holding(BH_PROBE_HOST_SWEEP, task, file, found, BH_MAY_ACCESS_MEMORY, sweep);
}

static __always_inline void bh_hold_machine(struct task_struct* task, struct file* file,
                                            struct bh_holding_record* found, __u32 sweep) {
  found->held = BH_HELD_VIRTUAL_MACHINE;
  bh_judge_holding(BH_PROBE_HOST_SWEEP, task, file, found, BH_MAY_CONTROL_DOMAINS, sweep);
}

static __always_inline void bh_hold_anonymous(struct task_struct* task, struct file* file, struct inode* inode,
                                              struct bh_holding_record* found, __u32 sweep) {
  if (bh_is_anonymous_file(file, "kvm-vm")) {
    if (!bh_vmm_of(task)) bh_hold_machine(task, file, found, sweep);
    return;
  }
  bh_hold_userfaultfd(task, file, inode, found, sweep);
}

#endif
