/* SPDX-License-Identifier: GPL-2.0 */
/* Which system call the current task is in, and what it was asked: x86-64. No other thread can change its registers. */
#ifndef BULKHEAD_EBPF_LIB_SYSCALL_BPF_H
#define BULKHEAD_EBPF_LIB_SYSCALL_BPF_H

#include "ebpf/lib/bulkhead.bpf.h"

#define BH_TS_COMPAT 0x0002        /* arch/x86/include/asm/thread_info.h: a call of the 32-bit table */
#define BH_PF_IO_WORKER 0x00000010 /* linux/sched.h: a thread that io_uring made (5.12) */

struct bh_syscall {
  __u32 number; /* of the table that `compat` says */
  bool compat;
  struct pt_regs* registers;
};

static __always_inline struct bh_syscall bh_current_syscall(void) {
  struct task_struct* task = bpf_get_current_task_btf();
  struct pt_regs* registers = (struct pt_regs*)bpf_task_pt_regs(task);
  struct bh_syscall call = {.number = (__u32)registers->orig_ax,
                            .compat = (task->thread_info.status & BH_TS_COMPAT) != 0,
                            .registers = registers};
  return call;
}

/* The first two of the call's arguments, also at its exit. Not of a call of the 32-bit table. */
static __always_inline unsigned long bh_first_argument(void) {
  struct pt_regs* registers = (struct pt_regs*)bpf_task_pt_regs(bpf_get_current_task_btf());
  return registers->di;
}

static __always_inline unsigned long bh_second_argument(void) {
  struct pt_regs* registers = (struct pt_regs*)bpf_task_pt_regs(bpf_get_current_task_btf());
  return registers->si;
}

/* The start of the iovec at `address` in the caller's memory. */
static __always_inline __u64 bh_first_iovec_base(__u64 address, bool compat) {
  __u64 base = 0;
  bpf_probe_read_user(&base, compat ? 4 : 8, (void*)address);
  return base;
}

#endif
