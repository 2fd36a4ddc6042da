// SPDX-License-Identifier: GPL-2.0
// MEM-04 and MEM-10, tier 1: the functions of the system calls themselves, so that no other call of the host's pays.
#include "ebpf/lib/instrument.bpf.h"

char LICENSE[] SEC("license") = "GPL";

SEC("fentry/__x64_sys_pidfd_getfd")
int BPF_PROG(getfd_enter, const struct pt_regs* registers) {
  return bh_getfd_called(registers->di, registers->si);
}

SEC("fexit/__x64_sys_pidfd_getfd")
int BPF_PROG(getfd_exit, const struct pt_regs* registers, long result) {
  return bh_instrument_done(result);
}

SEC("fentry/__x64_sys_process_madvise")
int BPF_PROG(madvise_enter, const struct pt_regs* registers) {
  return bh_madvise_called(registers->di, registers->si);
}

SEC("fexit/__x64_sys_process_madvise")
int BPF_PROG(madvise_exit, const struct pt_regs* registers, long result) {
  return bh_instrument_done(result);
}

SEC("fentry/__x64_sys_perf_event_open")
int BPF_PROG(perf_enter, const struct pt_regs* registers) {
  return bh_perf_called(registers->si, registers->r8);
}

SEC("fexit/__x64_sys_perf_event_open")
int BPF_PROG(perf_exit, const struct pt_regs* registers, long result) {
  return bh_instrument_done(result);
}

SEC("fentry/__x64_sys_kcmp")
int BPF_PROG(kcmp_enter, const struct pt_regs* registers) {
  return bh_kcmp_called(registers->di, registers->si);
}

SEC("fexit/__x64_sys_kcmp")
int BPF_PROG(kcmp_exit, const struct pt_regs* registers, long result) {
  return bh_instrument_done(result);
}
