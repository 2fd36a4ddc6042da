// SPDX-License-Identifier: GPL-2.0
// DISK-08 and DISK-05: what is done with a volume besides opening it.
#include "ebpf/lib/touched_volume.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define BH_IORING_OP_FALLOCATE 17 /* linux/io_uring.h */

// The ways in which a file system sets the time of a change (since 6.13, 4e40eff0b573 and d8d11298e8a1).
SEC("tp_btf/inode_set_ctime_to_ts")
int BPF_PROG(time_set, struct inode* inode) {
  return bh_touched(inode);
}

SEC("tp_btf/ctime_ns_xchg")
int BPF_PROG(time_exchanged, struct inode* inode) {
  return bh_touched(inode);
}

SEC("tp_btf/ctime_xchg_skip")
int BPF_PROG(time_kept, struct inode* inode) {
  return bh_touched(inode);
}

// One program stands for the ends of all calls that change a file by its name, or its attributes.
SEC("tracepoint/syscalls/sys_exit_rename")
int call_done(struct trace_event_raw_sys_exit* ctx) {
  bh_end_call(bpf_get_current_pid_tgid(), ctx->ret);
  return 0;
}

SEC("tracepoint/syscalls/sys_exit_fallocate")
int allocated(struct trace_event_raw_sys_exit* ctx) {
  if (ctx->ret) return 0;
  struct pt_regs* call = (struct pt_regs*)bpf_task_pt_regs(bpf_get_current_task_btf());
  bh_allocated(bh_current_file((__u32)call->di), (__u32)call->si, call->dx + call->r10, call->r10);
  return 0;
}

SEC("tracepoint/syscalls/sys_exit_copy_file_range")
int copied(struct trace_event_raw_sys_exit* ctx) {
  if (ctx->ret <= 0) return 0;
  struct pt_regs* call = (struct pt_regs*)bpf_task_pt_regs(bpf_get_current_task_btf());
  bh_copied(bh_current_file((__u32)call->di), bh_current_file((__u32)call->dx), ctx->ret);
  return 0;
}

SEC("raw_tp/io_uring_complete")
int request_done(struct bpf_raw_tracepoint_args* ctx) {
  struct io_kiocb* request = (struct io_kiocb*)ctx->args[1];
  if (!request) return 0;
  __u8 opcode = BPF_CORE_READ(request, opcode);
  __s32 result = BPF_CORE_READ(request, cqe.res);
  if (opcode == BH_IORING_OP_FALLOCATE && !result) {
    struct io_sync* asked = (struct io_sync*)request; /* the command's own data come first in a request */
    __u64 length = BPF_CORE_READ(asked, len);
    bh_allocated(BPF_CORE_READ(asked, file), BPF_CORE_READ(asked, mode), BPF_CORE_READ(asked, off) + length, length);
    return 0;
  }
  if (bh_changing_request(opcode) != BH_CALL_OTHER) bh_end_call((__u64)request, result);
  return 0;
}

// Of the kernel's own, which may be a module: its type is not in every vmlinux.h.
struct xfs_inode___volume_change {
  struct inode i_vnode;
} __attribute__((preserve_access_index));

static __always_inline struct inode* inode_of(struct xfs_inode___volume_change* inode) {
  return (struct inode*)((char*)inode + bpf_core_field_offset(struct xfs_inode___volume_change, i_vnode));
}

// XFS tells both files of a reflink, also when the source's descriptor was in the caller's memory.
SEC("tp_btf/xfs_reflink_remap_range")
int BPF_PROG(reflinked, void* source, __s64 source_offset, __s64 length, void* target) {
  struct bh_current_call call = bh_find_call();
  if (call.kind != BH_CALL_REFLINK && call.kind != BH_CALL_REFLINK_RANGE) return 0;
  bh_tell_once(inode_of(target), inode_of(source), BH_CHANGE_CLONED_OVER);
  return bh_tell_once(inode_of(source), inode_of(target), BH_CHANGE_CLONED);
}
