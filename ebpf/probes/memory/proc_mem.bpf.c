// SPDX-License-Identifier: GPL-2.0
// MEM-03, tier 1: what is read and written through a descriptor of /proc/<pid>/mem, whoever opened it and however it
// came here. The opening itself is ebpf/probes/disk/file_open*.bpf.c's.
#include "ebpf/lib/proc_mem.bpf.h"
#include "ebpf/lib/memory_access.bpf.h"

char LICENSE[] SEC("license") = "GPL";

SEC("fexit/mem_rw")
int BPF_PROG(moved, struct file* file, char* buffer, size_t count, loff_t* position, int write) {
  __u64 returned = 0;
  bpf_get_func_ret(ctx, &returned);
  __s64 result = (__s64)returned;
  struct task_struct* target = bh_proc_mem_task(file, BPF_CORE_READ(file, f_inode));
  __s64 end = 0;
  bpf_probe_read_kernel(&end, sizeof(end), position);
  struct bh_memory_call call = {.operation = write ? BH_MEMORY_PROC_MEM_WRITE : BH_MEMORY_PROC_MEM_READ,
                                .address = result > 0 ? end - result : end,
                                .open_flags = BPF_CORE_READ(file, f_flags)};
  bh_memory_access(BH_PROBE_MEMORY_PROC_MEM, target, &call, result);
  return 0;
}
