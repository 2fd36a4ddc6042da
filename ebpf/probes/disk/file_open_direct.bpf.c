// SPDX-License-Identifier: GPL-2.0
// DISK-01, MEM-03 and MEM-08, tier 1: every file that the kernel opens for anyone, at the moment when it is open and
// before its descriptor exists: no other thread can put another file in its place.
#include "ebpf/lib/opened_file.bpf.h"
#include "ebpf/lib/syscall.bpf.h"

char LICENSE[] SEC("license") = "GPL";

// arch/x86/entry/syscalls: number in the 64-bit table, in the 32-bit one.
static __always_inline __u32 method_of(struct task_struct* task) {
  if (BPF_CORE_READ(task, flags) & BH_PF_IO_WORKER) return BH_OPEN_IO_URING;
  struct bh_syscall call = bh_current_syscall();
  if (call.number == (call.compat ? 5 : 2)) return BH_OPEN_OPEN;
  if (call.number == (call.compat ? 8 : 85)) return BH_OPEN_CREAT;
  if (call.number == (call.compat ? 295 : 257)) return BH_OPEN_OPENAT;
  if (call.number == 437) return BH_OPEN_OPENAT2;
  if (call.number == (call.compat ? 342 : 304)) return BH_OPEN_BY_HANDLE_AT;
  if (call.number == 426) return BH_OPEN_IO_URING;
  return BH_OPEN_OTHER;
}

SEC("fexit/do_dentry_open")
int BPF_PROG(opened, struct file* file) {
  __u64 result = 0;
  bpf_get_func_ret(ctx, &result);
  if ((__s32)result) return 0;
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  struct bh_open_file open;
  bh_look_at(file, true, &open);
  bh_judge_open_file(BH_PROBE_DISK_FILE_OPEN, &open, method_of(task), 0);
  return 0;
}
