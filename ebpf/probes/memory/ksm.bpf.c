// SPDX-License-Identifier: GPL-2.0
// MEM-07 by KSM's own tracepoint, which names the page by its frame's number. Since 6.4 (739100c88f49).
#include "ebpf/lib/page_merge.bpf.h"

char LICENSE[] SEC("license") = "GPL";

SEC("tp_btf/ksm_merge_with_ksm_page")
int BPF_PROG(merged, void* ksm_page, unsigned long frame, void* item, void* address_space, int error) {
  if (error || !address_space) return 0;
  bh_page_merged(BPF_CORE_READ((struct mm_struct*)address_space, owner), frame, !ksm_page);
  return 0;
}
