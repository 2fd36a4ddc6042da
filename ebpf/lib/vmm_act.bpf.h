/* SPDX-License-Identifier: GPL-2.0 */
/*
 * VMM-01 and VMM-03: a VMM, or what descends from one, executes a program, or does to the host's kernel what no
 * emulator has to. New namespaces of a child are read from the child itself, all other acts from the registers of the
 * system call, which no other thread can change.
 */
#ifndef BULKHEAD_EBPF_LIB_VMM_ACT_BPF_H
#define BULKHEAD_EBPF_LIB_VMM_ACT_BPF_H

#include "ebpf/lib/emit.bpf.h"
#include "ebpf/lib/namespaces.bpf.h"
#include "ebpf/lib/syscall.bpf.h"

/* A VMM between its exec and the moment when its domain is known: no guest runs in it yet. */
static __always_inline bool bh_is_starting(const struct bh_vmm* vmm) {
  return vmm->owner.tenant == BH_OWNER_STARTING && !(vmm->flags & BH_VMM_DESCENDANT);
}

static __always_inline void bh_tell_vmm_act(struct task_struct* task, const struct bh_vmm* vmm,
                                            struct bh_vmm_act_record* record) {
  bh_announce_actor(task);
  bh_fill_actor(&record->header, task);
  record->header.actor = vmm->owner;
  bh_submit(&record->header, BH_PROBE_VMM_CONFINEMENT, BH_RECORD_VMM_ACT, sizeof(*record));
}

/* A system call, at its exit. */
struct bh_done_call {
  __u32 number;
  __s64 result;
};

/* `argument` says what was asked. */
static __always_inline int bh_vmm_called(struct bh_done_call done, __u32 act, __u64 argument) {
  struct bh_vmm* vmm = bh_current_vmm();
  if (!vmm) return 0;
  struct bh_vmm_act_record record = {.result = done.result, .act = act, .call = done.number, .argument = argument};
  BH_COUNT(BH_PROBE_VMM_CONFINEMENT, seen);
  bh_tell_vmm_act((struct task_struct*)bpf_get_current_task(), vmm, &record);
  return 0;
}

/* What an emulator may be told to give up before it runs a guest (-runas, -chroot). */
static __always_inline int bh_running_vmm_called(struct bh_done_call done, __u32 act, __u64 argument) {
  struct bh_vmm* vmm = bh_current_vmm();
  if (!vmm || !bh_is_starting(vmm)) return bh_vmm_called(done, act, argument);
  BH_COUNT(BH_PROBE_VMM_CONFINEMENT, seen);
  BH_COUNT(BH_PROBE_VMM_CONFINEMENT, suppressed);
  return 0;
}

static __always_inline int bh_vmm_user_changed(struct bh_done_call done) {
  return bh_running_vmm_called(done, BH_VMM_ACT_CREDENTIALS, bh_first_argument());
}

static __always_inline int bh_vmm_capabilities_set(struct bh_done_call done) {
  return bh_running_vmm_called(done, BH_VMM_ACT_CREDENTIALS, 0);
}

static __always_inline int bh_vmm_root_changed(struct bh_done_call done) {
  return bh_running_vmm_called(done, BH_VMM_ACT_MOUNT, 0);
}

static __always_inline int bh_vmm_unshared(struct bh_done_call done) {
  unsigned long flags = bh_first_argument();
  return flags & BH_CLONE_NEW_ANY ? bh_vmm_called(done, BH_VMM_ACT_NAMESPACE, flags) : 0;
}

static __always_inline int bh_vmm_joined(struct bh_done_call done) {
  return bh_vmm_called(done, BH_VMM_ACT_NAMESPACE, bh_second_argument());
}

static __always_inline int bh_vmm_mounted(struct bh_done_call done) {
  return bh_vmm_called(done, BH_VMM_ACT_MOUNT, 0);
}

static __always_inline int bh_vmm_module_changed(struct bh_done_call done) {
  return bh_vmm_called(done, BH_VMM_ACT_MODULE, 0);
}

static __always_inline int bh_vmm_bpf_called(struct bh_done_call done) {
  return bh_vmm_called(done, BH_VMM_ACT_BPF, bh_first_argument());
}

static __always_inline int bh_vmm_ptrace_called(struct bh_done_call done) {
  return bh_vmm_called(done, BH_VMM_ACT_PTRACE, bh_first_argument());
}

/* The child that clone, clone3, fork or vfork made, before it runs. */
static __always_inline int bh_vmm_cloned(struct task_struct* parent, struct task_struct* child) {
  __u64 fresh = bh_new_namespaces(parent, child);
  if (!fresh) return 0;
  struct bh_vmm* vmm = bh_vmm_of(parent);
  if (!vmm) return 0;
  BH_COUNT(BH_PROBE_VMM_CONFINEMENT, seen);
  struct bh_vmm_act_record record = {
      .result = child->tgid, .argument = fresh, .act = BH_VMM_ACT_NAMESPACE, .call = BH_CALL_CLONE};
  bh_tell_vmm_act(parent, vmm, &record);
  return 0;
}

#define BH_START_NS 10000000000ULL

/* The agent may know the domain of a VMM in its exec: /proc shows its executable before the tracepoint is reached. */
static __always_inline bool bh_is_at_its_start(const struct bh_vmm* vmm) {
  if (bh_is_starting(vmm)) return true;
  return !(vmm->flags & BH_VMM_DESCENDANT) && bpf_ktime_get_boot_ns() - vmm->start_ns < BH_START_NS;
}

/* A starting VMM that executes an emulator is the start itself; whatever else it executes is told. */
static __always_inline int bh_vmm_executed(struct task_struct* task, struct linux_binprm* program) {
  struct bh_vmm* vmm = bh_vmm_of(task);
  if (!vmm) return 0;
  struct bh_file_key key;
  bool is_known = bh_file_key_of(BPF_CORE_READ(program, file, f_inode), &key);
  BH_COUNT(BH_PROBE_VMM_CONFINEMENT, seen);
  if (is_known && bh_is_at_its_start(vmm) && bpf_map_lookup_elem(&emulators, &key)) {
    BH_COUNT(BH_PROBE_VMM_CONFINEMENT, suppressed);
    return 0;
  }
  struct bh_owner owner = vmm->owner;
  bh_announce_actor(task);
  struct bh_scratch* target = bh_this_cpu_scratch();
  if (!target) {
    BH_COUNT(BH_PROBE_VMM_CONFINEMENT, lost);
    return 0;
  }
  struct bh_vmm_act_record* record = (struct bh_vmm_act_record*)target->bytes;
  __builtin_memset(record, 0, sizeof(*record));
  bh_fill_actor(&record->header, task);
  record->header.actor = owner;
  record->act = BH_VMM_ACT_EXECUTE;
  __u16 flags = 0;
  record->path_length = bh_write_path(BPF_CORE_READ(program, file), sizeof(*record), &flags);
  record->header.flags = flags;
  __u32 size = sizeof(*record) + record->path_length;
  bh_stamp(&record->header, BH_PROBE_VMM_CONFINEMENT, BH_RECORD_VMM_ACT, size);
  bh_count_output(BH_PROBE_VMM_CONFINEMENT, bh_output_scratch(target, size));
  return 0;
}

#endif
