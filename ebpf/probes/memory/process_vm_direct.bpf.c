// SPDX-License-Identifier: GPL-2.0
// MEM-01, tier 1: process_vm_readv and process_vm_writev, of both call tables. The target is the task that the kernel's
// own permission check was given, so no number is looked up a second time.
#include "ebpf/lib/memory_call.bpf.h"
#include "ebpf/lib/syscall.bpf.h"

char LICENSE[] SEC("license") = "GPL";

// arch/x86/entry/syscalls: the 64-bit table, and the 32-bit one.
#define BH_NR_READV 310
#define BH_NR_WRITEV 311
#define BH_NR_COMPAT_READV 347
#define BH_NR_COMPAT_WRITEV 348

static __always_inline __u32 operation_of(struct bh_syscall call) {
  if (call.number == (call.compat ? BH_NR_COMPAT_READV : BH_NR_READV)) return BH_MEMORY_PROCESS_VM_READ;
  if (call.number == (call.compat ? BH_NR_COMPAT_WRITEV : BH_NR_WRITEV)) return BH_MEMORY_PROCESS_VM_WRITE;
  return 0;
}

// Refused targets come here too. The vector of remote addresses is the fourth argument.
SEC("fexit/mm_access")
int BPF_PROG(target_known, struct task_struct* target) {
  struct bh_syscall syscall = bh_current_syscall();
  struct bh_memory_call call = {.operation = operation_of(syscall)};
  if (!call.operation) return 0;
  unsigned long compat_vector = (__u32)syscall.registers->si;
  unsigned long vector = syscall.registers->r10;
  call.address = bh_first_iovec_base(syscall.compat ? compat_vector : vector, syscall.compat);
  bh_memory_call_begin(BH_PROBE_MEMORY_PROCESS_VM, target, &call);
  return 0;
}

// What both calls and both tables share, process_vm_rw, has more arguments than kernels before 6.6 let a program see.
#define BH_DONE(name, function)                                      \
  SEC("fexit/" #function)                                            \
  int BPF_PROG(name, const struct pt_regs* registers, long result) { \
    bh_memory_call_exit(BH_PROBE_MEMORY_PROCESS_VM, result);         \
    return 0;                                                        \
  }

BH_DONE(read_done, __x64_sys_process_vm_readv)
BH_DONE(write_done, __x64_sys_process_vm_writev)
BH_DONE(compat_read_done, __ia32_sys_process_vm_readv)
BH_DONE(compat_write_done, __ia32_sys_process_vm_writev)
