// SPDX-License-Identifier: GPL-2.0
// Counts what one process does, at hooks that most build machines refuse.
#include "ebpf/lib/bulkhead.bpf.h"

char LICENSE[] SEC("license") = "GPL";

const volatile __u32 observed = 0;
__u64 lsm_runs = 0, fentry_runs = 0;

static bool is_observed(void) {
  return bpf_get_current_pid_tgid() >> 32 == observed;
}

SEC("lsm/file_open")
int BPF_PROG(file_open, struct file* file, int so_far) {
  if (is_observed()) __sync_fetch_and_add(&lsm_runs, 1);
  return so_far;
}

SEC("fentry/vfs_open")
int BPF_PROG(vfs_open, const struct path* path, struct file* file) {
  if (is_observed()) __sync_fetch_and_add(&fentry_runs, 1);
  return 0;
}
