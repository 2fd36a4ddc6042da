// SPDX-License-Identifier: GPL-2.0
// DISK-03: changes of block devices, and mounts at the exit of their system calls.
#include "ebpf/lib/mapping.bpf.h"

char LICENSE[] SEC("license") = "GPL";

SEC("socket")
int block_event(struct __sk_buff* message) {
  return bh_tell_block_event(message);
}

SEC("tracepoint/syscalls/sys_exit_mount")
int mounted(struct trace_event_raw_sys_exit* ctx) {
  return bh_mounted(ctx->ret);
}

SEC("tracepoint/syscalls/sys_exit_fsmount")
int mount_made(struct trace_event_raw_sys_exit* ctx) {
  return bh_mount_made(ctx->ret);
}
