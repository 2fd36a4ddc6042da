// SPDX-License-Identifier: GPL-2.0
// VMM-01 and VMM-03 by tracepoints of system calls.
#include "ebpf/lib/vmm_act.bpf.h"

char LICENSE[] SEC("license") = "GPL";

static __always_inline struct bh_done_call done(const struct trace_event_raw_sys_exit* ctx) {
  struct bh_done_call call = {.number = (__u32)ctx->id, .result = ctx->ret};
  return call;
}

// Each stands for all calls of its kind: agent/probes/probe_table.cc attaches it to their tracepoints.
SEC("tracepoint/syscalls/sys_exit_setuid")
int user_changed(struct trace_event_raw_sys_exit* ctx) {
  return bh_vmm_user_changed(done(ctx));
}

SEC("tracepoint/syscalls/sys_exit_capset")
int capabilities_set(struct trace_event_raw_sys_exit* ctx) {
  return bh_vmm_capabilities_set(done(ctx));
}

SEC("tracepoint/syscalls/sys_exit_chroot")
int root_changed(struct trace_event_raw_sys_exit* ctx) {
  return bh_vmm_root_changed(done(ctx));
}

SEC("tracepoint/syscalls/sys_exit_unshare")
int unshared(struct trace_event_raw_sys_exit* ctx) {
  return bh_vmm_unshared(done(ctx));
}

SEC("tracepoint/syscalls/sys_exit_setns")
int joined(struct trace_event_raw_sys_exit* ctx) {
  return bh_vmm_joined(done(ctx));
}

SEC("tracepoint/syscalls/sys_exit_mount")
int mounted(struct trace_event_raw_sys_exit* ctx) {
  return bh_vmm_mounted(done(ctx));
}

SEC("tracepoint/syscalls/sys_exit_finit_module")
int module_changed(struct trace_event_raw_sys_exit* ctx) {
  return bh_vmm_module_changed(done(ctx));
}

SEC("tracepoint/syscalls/sys_exit_bpf")
int bpf_called(struct trace_event_raw_sys_exit* ctx) {
  return bh_vmm_bpf_called(done(ctx));
}

SEC("tracepoint/syscalls/sys_exit_ptrace")
int ptrace_called(struct trace_event_raw_sys_exit* ctx) {
  return bh_vmm_ptrace_called(done(ctx));
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(cloned, struct task_struct* parent, struct task_struct* child) {
  return bh_vmm_cloned(parent, child);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(program_executed, struct task_struct* task, pid_t old_pid, struct linux_binprm* program) {
  return bh_vmm_executed(task, program);
}
