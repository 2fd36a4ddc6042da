// SPDX-License-Identifier: GPL-2.0
// VMM-01 and VMM-03: a VMM, or what descends from one, executes a program, or does to the host's kernel what no
// emulator has to. New namespaces of a child are read from the child itself, all other acts from the registers of the
// system call, which no other thread can change.
#include "ebpf/lib/emit.bpf.h"
#include "ebpf/lib/namespaces.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* A VMM between its exec and the moment when its domain is known: no guest runs in it yet. */
static __always_inline bool is_starting(const struct bh_vmm* vmm) {
  return vmm->owner.tenant == BH_OWNER_STARTING && !(vmm->flags & BH_VMM_DESCENDANT);
}

static __always_inline void tell(struct task_struct* task, const struct bh_vmm* vmm, struct bh_vmm_act_record* record) {
  bh_announce_actor(task);
  bh_fill_actor(&record->header, task);
  record->header.actor = vmm->owner;
  bh_submit(&record->header, BH_PROBE_VMM_CONFINEMENT, BH_RECORD_VMM_ACT, sizeof(*record));
}

static __always_inline unsigned long argument_of(struct task_struct* task, int index) {
  struct pt_regs* registers = (struct pt_regs*)bpf_task_pt_regs(task);
  return index == 1 ? PT_REGS_PARM1_CORE_SYSCALL(registers) : PT_REGS_PARM2_CORE_SYSCALL(registers);
}

// At the call's exit; `argument` 0: none of the call's says what was asked.
static __always_inline int called(struct trace_event_raw_sys_exit* ctx, __u32 act, int argument) {
  struct task_struct* task = bpf_get_current_task_btf();
  struct bh_vmm* vmm = bh_vmm_of(task);
  if (!vmm) return 0;
  struct bh_vmm_act_record record = {.result = ctx->ret, .act = act, .call = (__u32)ctx->id};
  if (argument) record.argument = argument_of(task, argument);
  BH_COUNT(BH_PROBE_VMM_CONFINEMENT, seen);
  tell(task, vmm, &record);
  return 0;
}

// What an emulator may be told to give up before it runs a guest (-runas, -chroot).
static __always_inline int called_when_running(struct trace_event_raw_sys_exit* ctx, __u32 act, int argument) {
  struct bh_vmm* vmm = bh_vmm_of(bpf_get_current_task_btf());
  if (!vmm || !is_starting(vmm)) return called(ctx, act, argument);
  BH_COUNT(BH_PROBE_VMM_CONFINEMENT, seen);
  BH_COUNT(BH_PROBE_VMM_CONFINEMENT, suppressed);
  return 0;
}

// Each stands for all calls of its kind: agent/probes/probe_table.cc attaches it to their tracepoints.
SEC("tracepoint/syscalls/sys_exit_setuid")
int user_changed(struct trace_event_raw_sys_exit* ctx) {
  return called_when_running(ctx, BH_VMM_ACT_CREDENTIALS, 1);
}

SEC("tracepoint/syscalls/sys_exit_capset")
int capabilities_set(struct trace_event_raw_sys_exit* ctx) {
  return called_when_running(ctx, BH_VMM_ACT_CREDENTIALS, 0);
}

SEC("tracepoint/syscalls/sys_exit_chroot")
int root_changed(struct trace_event_raw_sys_exit* ctx) {
  return called_when_running(ctx, BH_VMM_ACT_MOUNT, 0);
}

SEC("tracepoint/syscalls/sys_exit_unshare")
int unshared(struct trace_event_raw_sys_exit* ctx) {
  struct task_struct* task = bpf_get_current_task_btf();
  if (!bh_vmm_of(task) || !(argument_of(task, 1) & BH_CLONE_NEW_ANY)) return 0;
  return called(ctx, BH_VMM_ACT_NAMESPACE, 1);
}

SEC("tracepoint/syscalls/sys_exit_setns")
int joined(struct trace_event_raw_sys_exit* ctx) {
  return called(ctx, BH_VMM_ACT_NAMESPACE, 2);
}

SEC("tracepoint/syscalls/sys_exit_mount")
int mounted(struct trace_event_raw_sys_exit* ctx) {
  return called(ctx, BH_VMM_ACT_MOUNT, 0);
}

SEC("tracepoint/syscalls/sys_exit_finit_module")
int module_changed(struct trace_event_raw_sys_exit* ctx) {
  return called(ctx, BH_VMM_ACT_MODULE, 0);
}

SEC("tracepoint/syscalls/sys_exit_bpf")
int bpf_called(struct trace_event_raw_sys_exit* ctx) {
  return called(ctx, BH_VMM_ACT_BPF, 1);
}

SEC("tracepoint/syscalls/sys_exit_ptrace")
int ptrace_called(struct trace_event_raw_sys_exit* ctx) {
  return called(ctx, BH_VMM_ACT_PTRACE, 1);
}

// The child that clone, clone3, fork or vfork made, before it runs.
SEC("tp_btf/sched_process_fork")
int BPF_PROG(cloned, struct task_struct* parent, struct task_struct* child) {
  __u64 fresh = bh_new_namespaces(parent, child);
  if (!fresh) return 0;
  struct bh_vmm* vmm = bh_vmm_of(parent);
  if (!vmm) return 0;
  BH_COUNT(BH_PROBE_VMM_CONFINEMENT, seen);
  struct bh_vmm_act_record record = {
      .result = child->tgid, .argument = fresh, .act = BH_VMM_ACT_NAMESPACE, .call = BH_CALL_CLONE};
  tell(parent, vmm, &record);
  return 0;
}

#define BH_START_NS 10000000000ULL

/* The agent may know the domain of a VMM in its exec: /proc shows its executable before the tracepoint is reached. */
static __always_inline bool is_at_its_start(const struct bh_vmm* vmm) {
  if (is_starting(vmm)) return true;
  return !(vmm->flags & BH_VMM_DESCENDANT) && bpf_ktime_get_boot_ns() - vmm->start_ns < BH_START_NS;
}

// A starting VMM that executes an emulator is the start itself; whatever else it executes is told.
SEC("tp_btf/sched_process_exec")
int BPF_PROG(program_executed, struct task_struct* task, pid_t old_pid, struct linux_binprm* program) {
  struct bh_vmm* vmm = bh_vmm_of(task);
  if (!vmm) return 0;
  struct bh_file_key key;
  bool is_known = bh_file_key_of(BPF_CORE_READ(program, file, f_inode), &key);
  BH_COUNT(BH_PROBE_VMM_CONFINEMENT, seen);
  if (is_known && is_at_its_start(vmm) && bpf_map_lookup_elem(&emulators, &key)) {
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
