// SPDX-License-Identifier: GPL-2.0
// DISK-01 and MEM-03 through io_uring: openat and openat2 requests, into a descriptor or into the ring's own file
// table.
#include "ebpf/lib/opened_file.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define BH_IORING_OP_OPENAT 18 /* linux/io_uring.h */
#define BH_IORING_OP_OPENAT2 28
#define BH_IORING_FILE_INDEX_ALLOC (~0U)
#define BH_FIXED_FILE_MASK (~7UL) /* flags live in the pointer's low bits (io_uring/filetable.h) */

// The table of fixed files before 6.13 (3597f2786b68): an array of pointers with flags.
struct io_fixed_file___before_6_13 {
  unsigned long file_ptr;
} __attribute__((preserve_access_index));

struct io_file_table___before_6_13 {
  struct io_fixed_file___before_6_13* files;
} __attribute__((preserve_access_index));

static __always_inline struct file* fixed_file(struct io_ring_ctx* ring, __u32 slot) {
  unsigned long pointer = 0;
  struct io_file_table* table =
      (struct io_file_table*)((char*)ring + bpf_core_field_offset(struct io_ring_ctx, file_table));
  if (bpf_core_field_exists(table->data)) {
    struct io_rsrc_node** nodes = BPF_CORE_READ(table, data.nodes);
    struct io_rsrc_node* node = 0;
    if (slot >= BPF_CORE_READ(table, data.nr)) return 0;
    bpf_probe_read_kernel(&node, sizeof(node), &nodes[slot]);
    pointer = BPF_CORE_READ(node, file_ptr);
  } else {
    struct io_file_table___before_6_13* before = (void*)table;
    struct io_fixed_file___before_6_13* files = BPF_CORE_READ(before, files);
    bpf_probe_read_kernel(&pointer, sizeof(pointer),
                          (char*)files + slot * bpf_core_type_size(struct io_fixed_file___before_6_13));
  }
  return (struct file*)(pointer & BH_FIXED_FILE_MASK);
}

// The arguments after the request differ between kernels; the result is read from the request itself (5.19 and later).
SEC("raw_tp/io_uring_complete")
int io_uring_complete(struct bpf_raw_tracepoint_args* ctx) {
  struct io_kiocb* request = (struct io_kiocb*)ctx->args[1];
  if (!request) return 0;
  __u8 opcode = BPF_CORE_READ(request, opcode);
  if (opcode != BH_IORING_OP_OPENAT && opcode != BH_IORING_OP_OPENAT2) return 0;
  __s32 result = BPF_CORE_READ(request, cqe.res);
  if (result < 0) return 0;

  struct io_open* open = (struct io_open*)request; /* the command's own data come first in a request */
  __u32 slot = BPF_CORE_READ(open, file_slot);
  struct file* file;
  if (slot == 0)
    file = bh_current_file(result);
  else
    file = fixed_file(BPF_CORE_READ(request, ctx), slot == BH_IORING_FILE_INDEX_ALLOC ? (__u32)result : slot - 1);
  bh_judge_opened_file(BH_PROBE_DISK_IO_URING_OPEN, file, BH_OPEN_IO_URING, result);
  return 0;
}
