// SPDX-License-Identifier: GPL-2.0
// Programs that do nothing at the hooks that Bulkhead uses: what the kernel itself asks for being hooked there.
#include "ebpf/lib/bulkhead.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define EMPTY(name, hook) \
  SEC(hook)               \
  int name(void* ctx) {   \
    return 0;             \
  }

EMPTY(open_exit, "tracepoint/syscalls/sys_exit_open")
EMPTY(creat_exit, "tracepoint/syscalls/sys_exit_creat")
EMPTY(openat_exit, "tracepoint/syscalls/sys_exit_openat")
EMPTY(openat2_exit, "tracepoint/syscalls/sys_exit_openat2")
EMPTY(by_handle_exit, "tracepoint/syscalls/sys_exit_open_by_handle_at")
EMPTY(read_enter, "tracepoint/syscalls/sys_enter_process_vm_readv")
EMPTY(read_exit, "tracepoint/syscalls/sys_exit_process_vm_readv")
EMPTY(write_enter, "tracepoint/syscalls/sys_enter_process_vm_writev")
EMPTY(write_exit, "tracepoint/syscalls/sys_exit_process_vm_writev")
EMPTY(ptrace_enter, "tracepoint/syscalls/sys_enter_ptrace")
EMPTY(ptrace_exit, "tracepoint/syscalls/sys_exit_ptrace")
EMPTY(connect_enter, "tracepoint/syscalls/sys_enter_connect")
EMPTY(connect_exit, "tracepoint/syscalls/sys_exit_connect")
EMPTY(io_uring_complete, "raw_tp/io_uring_complete")
EMPTY(frame_received, "tp_btf/netif_receive_skb")
EMPTY(frame_delivered, "tp_btf/net_dev_start_xmit")
EMPTY(forked, "tp_btf/sched_process_fork")
EMPTY(executed, "tp_btf/sched_process_exec")
EMPTY(exited, "tp_btf/sched_process_exit")
EMPTY(getfd_enter, "tracepoint/syscalls/sys_enter_pidfd_getfd")
EMPTY(getfd_exit, "tracepoint/syscalls/sys_exit_pidfd_getfd")
EMPTY(madvise_enter, "tracepoint/syscalls/sys_enter_process_madvise")
EMPTY(madvise_exit, "tracepoint/syscalls/sys_exit_process_madvise")
EMPTY(perf_enter, "tracepoint/syscalls/sys_enter_perf_event_open")
EMPTY(perf_exit, "tracepoint/syscalls/sys_exit_perf_event_open")
EMPTY(kcmp_enter, "tracepoint/syscalls/sys_enter_kcmp")
EMPTY(kcmp_exit, "tracepoint/syscalls/sys_exit_kcmp")
EMPTY(program_executed, "tp_btf/sched_process_exec")
EMPTY(cloned, "tp_btf/sched_process_fork")
EMPTY(unshared, "tracepoint/syscalls/sys_exit_unshare")
EMPTY(joined, "tracepoint/syscalls/sys_exit_setns")
EMPTY(user_changed, "tracepoint/syscalls/sys_exit_setuid")
EMPTY(capabilities_set, "tracepoint/syscalls/sys_exit_capset")
EMPTY(root_changed, "tracepoint/syscalls/sys_exit_chroot")
EMPTY(mounted, "tracepoint/syscalls/sys_exit_mount")
EMPTY(module_changed, "tracepoint/syscalls/sys_exit_delete_module")
EMPTY(bpf_called, "tracepoint/syscalls/sys_exit_bpf")
EMPTY(ptrace_called, "tracepoint/syscalls/sys_exit_ptrace")
