/* SPDX-License-Identifier: GPL-2.0 */
/* Which call that can change a file the current task is in: a system call of the 64-bit table, or an io_uring's. */
#ifndef BULKHEAD_EBPF_LIB_CHANGING_CALL_BPF_H
#define BULKHEAD_EBPF_LIB_CHANGING_CALL_BPF_H

#include "ebpf/lib/syscall.bpf.h"
#include "ebpf/lib/task.bpf.h"

enum bh_changing_call {
  BH_CALL_OTHER,
  BH_CALL_RENAME,
  BH_CALL_UNLINK,
  BH_CALL_LINK,
  BH_CALL_TRUNCATE,
  BH_CALL_PERMISSIONS,
  BH_CALL_OPEN, /* which can truncate */
  BH_CALL_REFLINK,
  BH_CALL_REFLINK_RANGE,
  BH_CALL_UNTOLD_RENAME, /* whose end nobody is told of */
};

#define BH_FICLONE 0x40049409u /* linux/fs.h */
#define BH_FICLONERANGE 0x4020940du

/* arch/x86/entry/syscalls/syscall_64.tbl */
static __always_inline __u32 bh_changing_syscall(const struct pt_regs* registers) {
  switch (registers->orig_ax) {
    case 82:  /* rename */
    case 264: /* renameat */
    case 316: /* renameat2 */
      return BH_CALL_RENAME;
    case 87:  /* unlink */
    case 263: /* unlinkat */
      return BH_CALL_UNLINK;
    case 86:  /* link */
    case 265: /* linkat */
      return BH_CALL_LINK;
    case 76: /* truncate */
    case 77: /* ftruncate */
      return BH_CALL_TRUNCATE;
    case 90 ... 94:   /* chmod, fchmod, chown, fchown, lchown */
    case 188 ... 190: /* setxattr, lsetxattr, fsetxattr */
    case 197 ... 199: /* removexattr, lremovexattr, fremovexattr */
    case 260:         /* fchownat */
    case 268:         /* fchmodat */
    case 452:         /* fchmodat2 */
    case 463:         /* setxattrat */
    case 466:         /* removexattrat */
      return BH_CALL_PERMISSIONS;
    case 2:   /* open */
    case 85:  /* creat */
    case 257: /* openat */
    case 437: /* openat2 */
      return BH_CALL_OPEN;
    case 16: /* ioctl */
      if ((__u32)registers->si == BH_FICLONE) return BH_CALL_REFLINK;
      if ((__u32)registers->si == BH_FICLONERANGE) return BH_CALL_REFLINK_RANGE;
  }
  return BH_CALL_OTHER;
}

/* linux/io_uring.h */
static __always_inline __u32 bh_changing_request(__u8 opcode) {
  switch (opcode) {
    case 35: /* IORING_OP_RENAMEAT */
      return BH_CALL_RENAME;
    case 36: /* IORING_OP_UNLINKAT */
      return BH_CALL_UNLINK;
    case 39: /* IORING_OP_LINKAT */
      return BH_CALL_LINK;
    case 55: /* IORING_OP_FTRUNCATE */
      return BH_CALL_TRUNCATE;
    case 41: /* IORING_OP_FSETXATTR */
    case 42: /* IORING_OP_SETXATTR */
      return BH_CALL_PERMISSIONS;
    case 18: /* IORING_OP_OPENAT */
    case 28: /* IORING_OP_OPENAT2 */
      return BH_CALL_OPEN;
  }
  return BH_CALL_OTHER;
}

struct bh_current_call {
  __u64 identity; /* the thread, or the request */
  __u32 kind;     /* enum bh_changing_call */
  bool untold;    /* a request whose end nobody is told of: IOSQE_CQE_SKIP_SUCCESS */
  struct pt_regs* registers;
};

#define BH_REQUEST_SKIPS_COMPLETION (1u << 6) /* REQ_F_CQE_SKIP (5.17) */

/* All of these requests run in the ring's own threads, which know what they work on. */
static __always_inline void bh_find_request(struct task_struct* task, struct bh_current_call* call) {
  struct io_worker* worker = (struct io_worker*)BPF_CORE_READ(task, worker_private);
  struct io_wq_work* work = worker ? BPF_CORE_READ(worker, cur_work) : 0;
  if (!work) return;
  struct io_kiocb* request = (struct io_kiocb*)((char*)work - bpf_core_field_offset(struct io_kiocb, work));
  call->identity = (__u64)request;
  call->kind = bh_changing_request(BPF_CORE_READ(request, opcode));
  call->untold = (__u32)BPF_CORE_READ(request, flags) & BH_REQUEST_SKIPS_COMPLETION;
}

static __always_inline struct bh_current_call bh_find_call(void) {
  struct bh_current_call call = {};
  struct task_struct* task = bpf_get_current_task_btf();
  if (task->flags & BH_PF_KTHREAD) return call;
  if (task->flags & BH_PF_IO_WORKER) {
    bh_find_request(task, &call);
    return call;
  }
  if (task->thread_info.status & BH_TS_COMPAT) return call;
  call.registers = (struct pt_regs*)bpf_task_pt_regs(task);
  call.kind = bh_changing_syscall(call.registers);
  call.identity = bpf_get_current_pid_tgid();
  return call;
}

#endif
