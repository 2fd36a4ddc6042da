// SPDX-License-Identifier: GPL-2.0
// DISK-01 and DISK-09, tier 2: pages of volumes that are read, mapped and dirtied through the page cache, and direct
// I/O. Tracepoints that file I/O alone reaches: a read of a pipe or socket pays nothing.
#include "ebpf/lib/file_io.bpf.h"

char LICENSE[] SEC("license") = "GPL";

// The read that a thread is in: it comes by once for each batch of pages that it copies, with a later index each time.
struct current_read {
  __u64 inode;
  __u64 index;
  __u64 last;
};

// A thread that is forgotten here meanwhile has its pages counted again.
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 4096);
  __type(key, __u32);  // thread id
  __type(value, struct current_read);
} current_reads SEC(".maps");

static __always_inline bool goes_on(const struct current_read* before, const struct current_read* now) {
  return before && before->inode == now->inode && before->last == now->last && before->index < now->index;
}

SEC("tp_btf/mm_filemap_get_pages")
int BPF_PROG(pages_read, struct address_space* mapping, unsigned long index, unsigned long last) {
  struct inode* inode = mapping->host;
  struct bh_io_key key = {};
  struct bh_volume* volume = bh_volume_at(inode, &key.file);
  if (!volume) return 0;
  __s64 size = inode->i_size;
  if (size <= 0 || index > (__u64)(size - 1) >> BH_PAGE_SHIFT) return 0;
  if (last > (__u64)(size - 1) >> BH_PAGE_SHIFT) last = (__u64)(size - 1) >> BH_PAGE_SHIFT;
  if (!bh_is_foreign_io(volume, &key, false)) return 0;
  __u32 thread = (__u32)bpf_get_current_pid_tgid();
  struct current_read now = {.inode = (__u64)inode, .index = index, .last = last};
  bool again = goes_on(bpf_map_lookup_elem(&current_reads, &thread), &now);
  bpf_map_update_elem(&current_reads, &thread, &now, BPF_ANY);
  if (again) return 0;
  struct bh_io_amounts amounts = {.reads = 1, .bytes_read = (last - index + 1) << BH_PAGE_SHIFT};
  bh_add_io(&bh_file_io, &key, &amounts, (struct task_struct*)bpf_get_current_task());
  return 0;
}

SEC("tp_btf/mm_filemap_map_pages")
int BPF_PROG(pages_mapped, struct address_space* mapping, unsigned long first, unsigned long last) {
  bh_judge_mapped(mapping->host, (last - first + 1) << BH_PAGE_SHIFT);
  return 0;
}

SEC("tp_btf/mm_filemap_fault")
int BPF_PROG(page_faulted, struct address_space* mapping, unsigned long index) {
  bh_judge_mapped(mapping->host, BH_PAGE_SIZE);
  return 0;
}

// The size of a large folio has another name before 6.15 (4996fc547f5b).
struct folio___before_6_15 {
  unsigned int _folio_nr_pages;
} __attribute__((preserve_access_index));

static __always_inline __u64 pages_of(struct folio* folio) {
  struct folio___before_6_15* before = (void*)folio;
  unsigned long flags = 0;  // the first member, of one type or another
  bpf_probe_read_kernel(&flags, sizeof(flags), folio);
  if (!(flags >> bpf_core_enum_value(enum pageflags, PG_head) & 1)) return 1;
  if (bpf_core_field_exists(folio->_nr_pages)) return folio->_nr_pages;
  return bpf_core_field_exists(before->_folio_nr_pages) ? before->_folio_nr_pages : 1;
}

// By calls and by shared mappings alike; a page that is dirty already does not come by again.
SEC("tp_btf/writeback_dirty_folio")
int BPF_PROG(pages_dirtied, struct folio* folio, struct address_space* mapping) {
  struct bh_io_key key = {};
  struct bh_volume* volume = mapping ? bh_volume_at(mapping->host, &key.file) : 0;
  if (!volume || !bh_is_foreign_io(volume, &key, true)) return 0;
  struct bh_io_amounts amounts = {.writes = 1, .bytes_written = pages_of(folio) << BH_PAGE_SHIFT};
  bh_add_io(&bh_file_io, &key, &amounts, (struct task_struct*)bpf_get_current_task());
  return 0;
}

SEC("tp_btf/iomap_dio_rw_begin")
int BPF_PROG(direct, struct kiocb* request, struct iov_iter* data) {
  bh_judge_direct(request->ki_filp->f_mapping->host, request->ki_pos, data->count, data->data_source);
  return 0;
}

SEC("syscall")
int tell_volume_io(void* ctx) {
  bh_tell_volume_io(bh_file_io);
  return 0;
}
