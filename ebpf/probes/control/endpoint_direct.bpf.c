// SPDX-License-Identifier: GPL-2.0
// CTRL-02, CTRL-03 and VMM-04, tier 1: connections by connect(2), of both call tables, and by io_uring, with the socket
// that the kernel itself connected.
#include "ebpf/lib/connection.bpf.h"

char LICENSE[] SEC("license") = "GPL";

SEC("fexit/__sys_connect_file")
int BPF_PROG(connected, struct file* file) {
  __u64 result = 0;
  bpf_get_func_ret(ctx, &result);
  bh_judge_connection(file, (__s32)result);
  return 0;
}
