// SPDX-License-Identifier: GPL-2.0
// MEM-02, tier 1: ptrace on a VMM through both call tables, with the task that the kernel itself found and what it
// answered.
#include "ebpf/lib/memory_access.bpf.h"

char LICENSE[] SEC("license") = "GPL";

static __always_inline int told(struct task_struct* target, __u32 request, __u64 address, __s64 result) {
  struct bh_memory_call call = {.operation = BH_MEMORY_PTRACE, .ptrace_request = request, .address = address};
  bh_memory_access(BH_PROBE_MEMORY_PTRACE, target, &call, result);
  return 0;
}

static __always_inline __u64 returned(void* ctx) {
  __u64 result = 0;
  bpf_get_func_ret(ctx, &result);
  return result;
}

// PTRACE_ATTACH and PTRACE_SEIZE; an int, whose upper half the register does not define.
SEC("fexit/ptrace_attach")
int BPF_PROG(attached, struct task_struct* target, long request, unsigned long address) {
  return told(target, request, address, (__s32)returned(ctx));
}

// Every other request, by a tracer.
SEC("fexit/arch_ptrace")
int BPF_PROG(requested, struct task_struct* target, long request, unsigned long address) {
  return told(target, request, address, (__s64)returned(ctx));
}

SEC("fexit/compat_arch_ptrace")
int BPF_PROG(compat_requested, struct task_struct* target, int request, __u32 address) {
  return told(target, request, address, (__s64)returned(ctx));
}
