// SPDX-License-Identifier: GPL-2.0
// MEM-10, uprobes, tier 1: the functions of the system calls themselves, so that no other call of the host's pays.
#include "ebpf/lib/set_uprobe.bpf.h"

char LICENSE[] SEC("license") = "GPL";

SEC("fexit/__x64_sys_perf_event_open")
int BPF_PROG(event_opened, const struct pt_regs* registers, long result) {
  return bh_event_opened(result);
}

SEC("fexit/__x64_sys_bpf")
int BPF_PROG(link_made, const struct pt_regs* registers, long result) {
  return bh_link_made(registers->di, result);
}
