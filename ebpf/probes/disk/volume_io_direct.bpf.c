// SPDX-License-Identifier: GPL-2.0
// DISK-01 and DISK-09, tier 1: bytes read from and written to volumes, at the functions that every way of reading and
// writing a file's pages comes through once: read, pread, readv, aio, io_uring, splice, sendfile, copy_file_range.
#include "ebpf/lib/file_io.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define BH_VM_FAULT_ERROR 0x873u /* linux/mm_types.h: OOM, SIGBUS, HWPOISON*, SIGSEGV, FALLBACK */
#define BH_VM_FAULT_NOPAGE 0x100u
#define BH_IOMAP_WRITE 1u /* linux/iomap.h */
#define BH_IOMAP_DIRECT 16u

static __always_inline __s64 result_of(void* ctx) {
  __u64 result = 0;
  bpf_get_func_ret(ctx, &result);
  return result;
}

// Direct I/O that falls back to the page cache hands on what it has read already, and that is in the result, too.
SEC("fexit/filemap_read")
int BPF_PROG(buffered_read, struct kiocb* request, struct iov_iter* data, ssize_t already_read) {
  __s64 bytes = result_of(ctx) - already_read;
  if (bytes > 0) bh_judge_read(request->ki_filp->f_inode, bytes);
  return 0;
}

// Since 6.5 (07073eb01c5f) splicing goes past filemap_read.
SEC("fexit/filemap_splice_read")
int BPF_PROG(spliced, struct file* file) {
  __s64 bytes = result_of(ctx);
  if (bytes > 0) bh_judge_read(file->f_inode, bytes);
  return 0;
}

SEC("fexit/generic_perform_write")
int BPF_PROG(buffered_write, struct kiocb* request) {
  __s64 bytes = result_of(ctx);
  if (bytes > 0) bh_judge_write(request->ki_filp->f_inode, bytes);
  return 0;
}

SEC("fexit/iomap_file_buffered_write")
int BPF_PROG(iomap_write, struct kiocb* request) {
  __s64 bytes = result_of(ctx);
  if (bytes > 0) bh_judge_write(request->ki_filp->f_inode, bytes);
  return 0;
}

// Direct I/O when iomap begins with it: the function itself has more arguments than a program can be given before 6.6.
SEC("tp_btf/iomap_iter")
int BPF_PROG(direct, struct iomap_iter* iteration) {
  if ((iteration->flags & BH_IOMAP_DIRECT) && !iteration->iomap.length)
    bh_judge_direct(iteration->inode, iteration->pos, iteration->len, iteration->flags & BH_IOMAP_WRITE);
  return 0;
}

// Pages around the one that is asked for, so many as are in memory.
SEC("fexit/filemap_map_pages")
int BPF_PROG(pages_mapped, struct vm_fault* fault, unsigned long first, unsigned long last) {
  if ((__u32)result_of(ctx) & BH_VM_FAULT_NOPAGE)
    bh_judge_mapped(fault->vma->vm_file->f_inode, (last - first + 1) << BH_PAGE_SHIFT);
  return 0;
}

SEC("fexit/filemap_fault")
int BPF_PROG(page_faulted, struct vm_fault* fault) {
  if (!((__u32)result_of(ctx) & BH_VM_FAULT_ERROR)) bh_judge_mapped(fault->vma->vm_file->f_inode, BH_PAGE_SIZE);
  return 0;
}

// The first write to a page of a shared mapping since it was last clean.
SEC("fexit/do_page_mkwrite")
int BPF_PROG(mapping_written, struct vm_fault* fault) {
  if (!((__u32)result_of(ctx) & BH_VM_FAULT_ERROR)) bh_judge_write(fault->vma->vm_file->f_inode, BH_PAGE_SIZE);
  return 0;
}

SEC("syscall")
int tell_volume_io(void* ctx) {
  bh_tell_volume_io(bh_file_io);
  return 0;
}
