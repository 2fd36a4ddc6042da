// SPDX-License-Identifier: GPL-2.0
// CTRL-02, CTRL-03 and VMM-04: connections by connect(2) and by io_uring.
#include "ebpf/lib/connection.bpf.h"
#include "ebpf/lib/syscall.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define BH_IORING_OP_CONNECT 16 /* linux/io_uring.h */

SEC("tracepoint/syscalls/sys_exit_connect")
int connected(struct trace_event_raw_sys_exit* ctx) {
  bh_judge_connection(bh_current_file((__u32)bh_first_argument()), ctx->ret);
  return 0;
}

// In the submitter's context, or a worker's of its process. The result is the request's own (5.19 and later).
SEC("raw_tp/io_uring_complete")
int ring_connected(struct bpf_raw_tracepoint_args* ctx) {
  struct io_kiocb* request = (struct io_kiocb*)ctx->args[1];
  if (!request || BPF_CORE_READ(request, opcode) != BH_IORING_OP_CONNECT) return 0;
  bh_judge_connection(BPF_CORE_READ(request, file), BPF_CORE_READ(request, cqe.res));
  return 0;
}
