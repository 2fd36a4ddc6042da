// SPDX-License-Identifier: GPL-2.0
// Programs that do nothing at the hooks that Bulkhead uses: what the kernel itself asks for being hooked there.
#include "ebpf/lib/bulkhead.bpf.h"

char LICENSE[] SEC("license") = "GPL";

SEC("tracepoint/syscalls/sys_exit_open")
int open_exit(void* ctx) {
  return 0;
}
SEC("tracepoint/syscalls/sys_exit_creat")
int creat_exit(void* ctx) {
  return 0;
}
SEC("tracepoint/syscalls/sys_exit_openat")
int openat_exit(void* ctx) {
  return 0;
}
SEC("tracepoint/syscalls/sys_exit_openat2")
int openat2_exit(void* ctx) {
  return 0;
}
SEC("tracepoint/syscalls/sys_exit_open_by_handle_at")
int by_handle_exit(void* ctx) {
  return 0;
}
SEC("tracepoint/syscalls/sys_enter_process_vm_readv")
int read_enter(void* ctx) {
  return 0;
}
SEC("tracepoint/syscalls/sys_exit_process_vm_readv")
int read_exit(void* ctx) {
  return 0;
}
SEC("tracepoint/syscalls/sys_enter_process_vm_writev")
int write_enter(void* ctx) {
  return 0;
}
SEC("tracepoint/syscalls/sys_exit_process_vm_writev")
int write_exit(void* ctx) {
  return 0;
}
SEC("tracepoint/syscalls/sys_enter_ptrace")
int ptrace_enter(void* ctx) {
  return 0;
}
SEC("tracepoint/syscalls/sys_exit_ptrace")
int ptrace_exit(void* ctx) {
  return 0;
}
SEC("tracepoint/syscalls/sys_enter_connect")
int connect_enter(void* ctx) {
  return 0;
}
SEC("tracepoint/syscalls/sys_exit_connect")
int connect_exit(void* ctx) {
  return 0;
}
SEC("raw_tp/io_uring_complete")
int io_uring_complete(void* ctx) {
  return 0;
}
SEC("tp_btf/netif_receive_skb")
int frame_received(void* ctx) {
  return 0;
}
SEC("tp_btf/net_dev_start_xmit")
int frame_delivered(void* ctx) {
  return 0;
}
SEC("tp_btf/sched_process_fork")
int forked(void* ctx) {
  return 0;
}
SEC("tp_btf/sched_process_exec")
int executed(void* ctx) {
  return 0;
}
SEC("tp_btf/sched_process_exit")
int exited(void* ctx) {
  return 0;
}
SEC("tracepoint/syscalls/sys_enter_pidfd_getfd")
int getfd_enter(void* ctx) {
  return 0;
}
SEC("tracepoint/syscalls/sys_exit_pidfd_getfd")
int getfd_exit(void* ctx) {
  return 0;
}
SEC("tracepoint/syscalls/sys_enter_process_madvise")
int madvise_enter(void* ctx) {
  return 0;
}
SEC("tracepoint/syscalls/sys_exit_process_madvise")
int madvise_exit(void* ctx) {
  return 0;
}
SEC("tracepoint/syscalls/sys_enter_perf_event_open")
int perf_enter(void* ctx) {
  return 0;
}
SEC("tracepoint/syscalls/sys_exit_perf_event_open")
int perf_exit(void* ctx) {
  return 0;
}
SEC("tracepoint/syscalls/sys_enter_kcmp")
int kcmp_enter(void* ctx) {
  return 0;
}
SEC("tracepoint/syscalls/sys_exit_kcmp")
int kcmp_exit(void* ctx) {
  return 0;
}
SEC("tp_btf/sched_process_exec")
int program_executed(void* ctx) {
  return 0;
}
SEC("tp_btf/sched_process_fork")
int cloned(void* ctx) {
  return 0;
}
SEC("tracepoint/syscalls/sys_exit_unshare")
int unshared(void* ctx) {
  return 0;
}
SEC("tracepoint/syscalls/sys_exit_setns")
int joined(void* ctx) {
  return 0;
}
SEC("tracepoint/syscalls/sys_exit_setuid")
int user_changed(void* ctx) {
  return 0;
}
SEC("tracepoint/syscalls/sys_exit_capset")
int capabilities_set(void* ctx) {
  return 0;
}
SEC("tracepoint/syscalls/sys_exit_chroot")
int root_changed(void* ctx) {
  return 0;
}
SEC("tracepoint/syscalls/sys_exit_mount")
int mounted(void* ctx) {
  return 0;
}
SEC("tracepoint/syscalls/sys_exit_delete_module")
int module_changed(void* ctx) {
  return 0;
}
SEC("tracepoint/syscalls/sys_exit_bpf")
int bpf_called(void* ctx) {
  return 0;
}
SEC("tracepoint/syscalls/sys_exit_ptrace")
int ptrace_called(void* ctx) {
  return 0;
}
