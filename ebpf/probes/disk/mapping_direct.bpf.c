// SPDX-License-Identifier: GPL-2.0
// DISK-03, tier 1: the same with the functions of the system calls themselves, so that no other call pays.
#include "ebpf/lib/mapping.bpf.h"

char LICENSE[] SEC("license") = "GPL";

SEC("socket")
int block_event(struct __sk_buff* message) {
  return bh_tell_block_event(message);
}

SEC("fexit/__x64_sys_mount")
int BPF_PROG(mounted, const struct pt_regs* registers, long result) {
  return bh_mounted(result);
}

SEC("fexit/__x64_sys_fsmount")
int BPF_PROG(mount_made, const struct pt_regs* registers, long result) {
  return bh_mount_made(result);
}
