// SPDX-License-Identifier: GPL-2.0
// CTRL-02, CTRL-03 and VMM-04: connect(2).
#include "ebpf/lib/connection.bpf.h"
#include "ebpf/lib/syscall.bpf.h"

char LICENSE[] SEC("license") = "GPL";

SEC("tracepoint/syscalls/sys_exit_connect")
int connected(struct trace_event_raw_sys_exit* ctx) {
  bh_judge_connection(bh_current_file((__u32)bh_first_argument()), ctx->ret);
  return 0;
}
