// SPDX-License-Identifier: GPL-2.0
// MEM-07 in KSM's own function, for kernels without its tracepoint too.
#include "ebpf/lib/page_merge.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* Its name until 6.3 (21fbd59136e0). */
struct rmap_item___old {
  struct mm_struct* mm;
} __attribute__((preserve_access_index));
struct ksm_rmap_item___new {
  struct mm_struct* mm;
} __attribute__((preserve_access_index));

static __always_inline struct mm_struct* address_space_of(void* item) {
  if (bpf_core_type_exists(struct rmap_item___old)) return BPF_CORE_READ((struct rmap_item___old*)item, mm);
  return BPF_CORE_READ((struct ksm_rmap_item___new*)item, mm);
}

SEC("fexit/try_to_merge_with_ksm_page")
int BPF_PROG(merged, void* item, struct page* page, struct page* ksm_page, int error) {
  struct mm_struct* address_space = error ? 0 : address_space_of(item);
  if (!address_space) return 0;
  __u64 key = (__u64)(ksm_page ? ksm_page : page);
  bh_page_merged(BPF_CORE_READ(address_space, owner), key, !ksm_page);
  return 0;
}
